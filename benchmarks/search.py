"""What a search costs: to index, to find nothing new, to search, to show the page.

    python benchmarks/search.py [--only=indexing,again,search,page] [--codes=1000000]

Prints ratios, CPU and wall seconds, and memory: medians, and their quartiles in brackets. It writes
to a folder of its own, and removes it.
"""

import concurrent.futures
import contextlib
import http.client
import json
import logging
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from absl import app  # noqa: E402
from absl import flags as absl_flags  # noqa: E402

from tfhash import methods  # noqa: E402
from tfhash.model import Model  # noqa: E402
from tfhash.retrieval.binary import BinaryCodes  # noqa: E402
from tfhash.search import indexing, searching, sources, store  # noqa: E402
from tfhash.search.encoder import Encoder  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_list("only", ["indexing", "again", "search", "page"], "What is measured.")
absl_flags.DEFINE_integer("images", 500, "JPEGs of 500 x 375 pixels that are indexed.")
absl_flags.DEFINE_integer("rounds", 5, "Times that each is measured.")
absl_flags.DEFINE_integer("files", 100_000, "Small files that have not changed.")
absl_flags.DEFINE_integer("codes", 10**6, "Codes of 48 bits that are searched.")
absl_flags.DEFINE_integer("uploads", 100, "Uploads to the page.")
absl_flags.DEFINE_integer("connections", 20, "Uploads at once.")
absl_flags.DEFINE_string("img_model", "fixed_vgg", "Backbone of the model that indexes.")
absl_flags.DEFINE_integer("side", 64, "Pixels of the images that it sees.")

BITS, TOP, QUERIES = 48, 10, 600
BLOCK = 50_000  # images that are stored at once


@contextlib.contextmanager
def timed(spent, who=resource.RUSAGE_SELF):
    """Appends the wall and CPU seconds of what runs within, here or in processes, to a list."""
    before, begun = resource.getrusage(who), time.perf_counter()
    yield
    after = resource.getrusage(who)
    wall = time.perf_counter() - begun
    spent.append((wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))


def spread(values, digits=2):
    """The median of numbers, and the quartiles, as text."""
    low, middle, high = (f"{np.percentile(values, share):.{digits}f}" for share in (25, 50, 75))
    return f"{middle} ({low} to {high})"


def model(folder, backbone="tiny", side=16):
    """The path of an untrained model with codes of 48 bits in a folder."""
    kind = methods.load("dch").Config
    config = kind(img_model=backbone, output_dim=BITS, val_batch_size=100)
    path = os.path.join(folder, "model")
    Model("dch", config, classes=["a", "b"], size=(side, side)).save(path)
    return path


def write_photos(folder):
    """Writes JPEGs of smooth colours; returns their folder."""
    import cv2

    rng, photos = np.random.default_rng(0), pathlib.Path(folder, "photos")
    photos.mkdir()
    for number in range(FLAGS.images):
        small = rng.integers(0, 256, (15, 20, 3), dtype=np.uint8)
        image = cv2.resize(small, (500, 375), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(photos / f"{number}.jpg"), image)
    return photos


def indexing_seconds(folder):
    """Decoding and resizing alone, the network alone, and both as an index is made, by turns."""
    encoder = Encoder(model(folder, FLAGS.img_model, FLAGS.side))
    source, loaded = sources.of_images(write_photos(folder)), encoder.model
    part = loaded.resized(source.part(range(FLAGS.images), loaded.size))
    pixels = np.stack([part.read(np.arange(1))[0]] * FLAGS.images)
    loaded.embed(pixels[:300])  # compiles
    blocks = np.array_split(np.arange(FLAGS.images), os.cpu_count() * 8)
    spent = {name: [] for name in ("decode + resize", "network", "index")}
    for turn in range(FLAGS.rounds):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
            with timed(spent["decode + resize"]):
                list(threads.map(part.read, blocks))
        with timed(spent["network"]):
            loaded.embed(pixels)
        with timed(spent["index"]):
            indexing.update(os.path.join(folder, f"index{turn}"), source, encoder)
    for name, values in spent.items():
        wall, cpu = np.transpose(values)
        print(f"{name:>16}: {spread(wall)} s, {spread(cpu)} CPU s")
    decoding, network, both = map(np.array, spent.values())  # [rounds, wall and CPU]
    slower, alone = np.maximum(decoding, network)[:, 0], (decoding + network)[:, 1]
    print(f"index / the slower of the two alone, wall seconds: {spread(both[:, 0] / slower)}")
    print(f"index / the sum of the two alone, CPU seconds: {spread(both[:, 1] / alone)}")


def filled(folder, names, stamps, path):
    """An index of a model with random codes of images of some names."""
    index, encoder = os.path.join(folder, "index"), Encoder(path)
    meta = {"fingerprint": encoder.fingerprint, "model": path}
    rng = np.random.default_rng(0)
    places = {"root": os.path.join(folder, "photos"), "base": os.path.join(folder, "photos")}
    with indexing.writing(index, meta | places) as opened:
        for first in range(0, len(names), BLOCK):
            own = names[first : first + BLOCK]
            words = rng.integers(0, 2**BITS, (len(own), 1), dtype=np.uint64)
            opened.add(own, stamps[first : first + BLOCK], BinaryCodes(words, BITS))
    return index


def again_seconds(folder):
    """The command over files of which none has changed."""
    import cv2

    path = model(folder)
    photos = pathlib.Path(folder, "photos")
    content = cv2.imencode(".png", np.zeros((16, 16, 3), np.uint8))[1].tobytes()
    names = [f"{number // 1000:03}/{number:06}.png" for number in range(FLAGS.files)]
    for name in names:
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(content)
    states = [(photos / name).stat() for name in names]
    stamps = [(state.st_size, state.st_mtime_ns) for state in states]
    index = filled(folder, names, stamps, path)
    command = [sys.executable, ROOT / "run_search.py", f"--model={path}", f"--images={photos}"]
    spent = []
    for _ in range(FLAGS.rounds):
        with timed(spent, resource.RUSAGE_CHILDREN):
            done = subprocess.run([*command, f"--index={index}"], capture_output=True, text=True)
        print(done.stdout.strip(), done.stderr.strip())
    wall, cpu = np.transpose(spent)
    print(f"the command over {FLAGS.files} unchanged files: {spread(wall)} s, {spread(cpu)} CPU s")


def million(folder, path):
    """An index of many random codes, whose images are not there."""
    names = [f"folder{n // 1000:04}/photo_{n:08}.jpg" for n in range(FLAGS.codes)]
    return filled(folder, names, [(1, 1)] * len(names), path)


def milliseconds(search, row):
    """The CPU milliseconds of the search for one query."""
    begun = time.process_time()
    search(slice(row, row + 1))
    return 1000 * (time.process_time() - begun)


def search_seconds(folder):
    """A query at a time: bare FAISS, our index, all of the search; by turns, in one thread."""
    import faiss

    path = model(folder)
    opened = store.Store(million(folder, path))
    faiss.omp_set_num_threads(1)  # a second thread would wait for work, and count as CPU time
    head = Encoder(path).model.recipe.head
    exact, near = (searching.load(opened, approximate) for approximate in (False, True))
    bare = faiss.IndexBinaryFlat(64)
    bare.use_heap = False
    bare.add(exact.codes.words.view(np.uint8))
    outputs = np.random.default_rng(1).standard_normal((QUERIES, BITS)).astype(np.float32)
    queries = head.queries(outputs)
    words = queries.words.view(np.uint8)
    whole, approximate = (searching.Searcher(opened, head, loaded) for loaded in (exact, near))
    searches = {
        "bare FAISS": lambda row: bare.search(words[row], TOP),
        "our index": lambda row: exact.index.search(queries[row], TOP),
        "with Python and SQLite": lambda row: whole.search(outputs[row], TOP),
        "the same, approximate": lambda row: approximate.search(outputs[row], TOP),
    }
    spent = [[milliseconds(search, row) for search in searches.values()] for row in range(QUERIES)]
    opened.close()
    # Medians of the queries of each round; what else the machine does falls on all alike.
    rounds = np.median(np.reshape(spent, (10, -1, len(searches))), axis=1).T
    for name, values in zip(searches, rounds):
        print(f"top {TOP} of {FLAGS.codes}, {name}: {spread(values)} CPU ms")
    print(f"our index / bare FAISS: {spread(rounds[1] / rounds[0])}")
    print(f"Python and SQLite add: {spread(rounds[2] - rounds[1])} ms")


@contextlib.contextmanager
def served(path, index):
    """A page of an index as a process: gives its port and the process' number."""
    command = [sys.executable, ROOT / "run_search.py", f"--model={path}", f"--index={index}"]
    begun = time.perf_counter()
    options = {"stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, "--serve=0"], **options) as process:
        try:
            for line in process.stdout:
                print(f"  {line.rstrip()}")
                if "The page is at" in line:
                    break
            port = int(re.search(r":(\d+)/", line)[1])
            print(f"  begun in {time.perf_counter() - begun:.1f} s, ", end="")
            print(f"{cpu_seconds(process.pid):.1f} CPU s")
            yield port, process.pid
        finally:
            process.kill()


def upload(port, content):
    """Seconds of an upload; raises where it is not answered."""
    begun = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", "/search", content)
        answer = connection.getresponse()
        if answer.status != 200 or not json.loads(answer.read())["answers"]:
            raise RuntimeError(f"The page answers {answer.status}.")
    return time.perf_counter() - begun


def cpu_seconds(pid):
    """CPU seconds that a process has taken."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    """MiB of memory that a process has."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20


def page_seconds(folder):
    """The page of many codes: its start, many uploads at once, and memory beyond one code's."""
    import cv2

    path = model(folder)
    small = np.random.default_rng(0).integers(0, 256, (15, 20, 3), dtype=np.uint8)
    content = cv2.imencode(".jpg", cv2.resize(small, (500, 375)))[1].tobytes()
    alone = os.path.join(folder, "alone")
    os.mkdir(alone)
    with served(path, filled(alone, ["one.jpg"], [(1, 1)], path)) as (port, pid):
        for _ in range(20):
            upload(port, content)
        least = resident(pid)
    with served(path, million(folder, path)) as (port, pid):
        found = []
        for _ in range(FLAGS.rounds):
            begun = time.perf_counter()
            with concurrent.futures.ThreadPoolExecutor(FLAGS.connections) as many:
                seconds = list(many.map(upload, [port] * FLAGS.uploads, [content] * FLAGS.uploads))
            rate = FLAGS.uploads / (time.perf_counter() - begun)
            found.append((*(1000 * np.percentile(seconds, (50, 95))), rate))
        most = resident(pid)
    half, slow, rate = (spread(values, 0) for values in np.transpose(found))
    print(f"{FLAGS.uploads} uploads, {FLAGS.connections} at once, none lost: {rate} a second")
    print(f"  median {half} ms, p95 {slow} ms")
    print(f"memory with {FLAGS.codes} codes: {most - least:.0f} MiB more than with one")


MEASURED = {
    "indexing": indexing_seconds,
    "again": again_seconds,
    "search": search_seconds,
    "page": page_seconds,
}


def main(_):
    logging.getLogger("faiss").setLevel(logging.WARNING)
    for name in FLAGS.only:
        print(f"--- {name}")
        with tempfile.TemporaryDirectory() as folder:
            MEASURED[name](folder)


if __name__ == "__main__":
    app.run(main)
