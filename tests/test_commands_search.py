"""run_search.py: as a user types it, and with what users get wrong."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

import numpy as np
import pytest

import run_search
from tests import examples
from tests.commands import refused
from tests.data import photos
from tfhash import settings
from tfhash.search import indexing, store

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The directory of an untrained model."""
    path = tmp_path_factory.mktemp("model") / "m"
    examples.model("gpq").save(path)
    return path


@pytest.fixture
def images(run):
    """Where the test runs: images in `photos` and others in `new`."""
    rng = np.random.default_rng(0)
    for name in ("photos/a.png", "photos/sub/b.JPG", "photos/sub/c.gif", "new/d.png", "new/e.webp"):
        image = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        suffix = pathlib.Path(name).suffix.lower()
        content = gif(image) if suffix == ".gif" else photos.encode(suffix, image)
        photos.write(pathlib.Path(name), content)
    return pathlib.Path.cwd()


@pytest.fixture
def inside(images, model):
    """The same with the model in `m`."""
    shutil.copytree(model, "m")
    return images


def gif(image):
    """The bytes of a GIF."""
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "GIF")
    return file.getvalue()


def contents(folder):
    """`{path: bytes}` of all files below a folder."""
    files = (path for path in pathlib.Path(folder).rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


def test_a_folder_is_indexed_and_searched(run, inside):
    photos.write(inside / "photos/notes.txt")
    status, shown, errors = run(run_search, "--model=m", "--images=photos", "--query=new/d.png")
    assert (status, errors) == (0, "")
    lines = shown.splitlines()
    assert lines[0] == "indexed 3, unchanged 0, left out: 1 .txt"
    assert lines[1] == "The index holds 3 images: --top is cut to that."
    assert lines[2] == "new/d.png" and lines[-1] == "wrote m-index/search.png"
    assert [line.split()[0] for line in lines[3:6]] == ["1", "2", "3"]
    assert {line.split()[2] for line in lines[3:6]} == {
        "photos/a.png",
        "photos/sub/b.JPG",
        "photos/sub/c.gif",
    }
    status, shown, _ = run(run_search, "--model=m", "--images=photos")
    assert (status, shown) == (0, "indexed 0, unchanged 3, left out: 1 .txt\n")


def test_queries_are_words_folders_and_flags(run, inside):
    flags = ("--model=m", "--images=photos", "--top=1", "--json")
    status, shown, _ = run(run_search, "photos/a.png", *flags, "--query=new", "--query=new/d.png")
    found = [json.loads(line) for line in shown.splitlines()]
    assert status == 0
    assert [one["query"] for one in found] == ["new/d.png", "new/e.webp", "photos/a.png"]
    assert [one["in_index"] for one in found] == [False, False, True]
    assert all(len(one["answers"]) == 1 for one in found)
    assert not (inside / "m-index/search.png").exists()


def test_json_is_all_that_stands_in_the_output(run, inside):
    _, shown, errors = run(run_search, "--model=m", "--images=photos", "new/d.png", "--json")
    assert [json.loads(line)["query"] for line in shown.splitlines()] == ["new/d.png"]
    assert "indexed 3" in errors


def test_an_index_is_searched_wherever_it_lies(run, inside):
    run(run_search, "--model=m", "--images=photos", "--index=elsewhere/x")
    shutil.rmtree("photos/sub")
    flags = ("--model=m", "--index=elsewhere/x", "--top=3", "--within=*.JPG", "--picture=p.png")
    status, shown, errors = run(run_search, *flags, "new/e.webp")
    assert (status, errors) == (0, "")
    assert shown.splitlines()[0] == "new/e.webp" and "photos/sub/b.JPG" in shown
    assert (inside / "p.png").stat().st_size > 100


def test_the_models_own_database_is_searched_without_images(run, images):
    untrained = examples.model("gpq")
    untrained.stored = {"data": settings.Data(dataset="digits").stored()}
    untrained.save("m")
    run(run_search, "--model=m", "--images=photos")
    status, shown, errors = run(run_search, "--model=m", "new/d.png", "--top=2")
    assert (status, errors) == (0, "")
    assert "Searching dataset:digits. Your own images are searched with --index=m-index" in shown
    assert "indexed 1697, unchanged 0" in shown and "  #" in shown
    _, shown, _ = run(run_search, "--model=m", "new/d.png", "--top=2")
    assert "indexed 0, unchanged 1697" in shown
    _, shown, _ = run(run_search, "--model=m", "--index=m-database-index", "new/d.png", "--top=1")
    assert "  #" in shown


def test_outputs_rank_again_and_approximate_search_is_measured(run, inside):
    flags = ("--model=m", "--images=photos", "--rerank=outputs", "--approximate", "new/d.png")
    status, shown, _ = run(run_search, *flags)
    assert status == 0 and "Approximate search finds 100.0 % of the nearest 10" in shown
    assert (inside / "m-index/outputs.f16").exists()


def test_help_names_the_flags(run):
    status, shown, _ = run(run_search, "--help")
    assert status == 0
    shown_flags = ("--images", "--query", "--top  [10]", "--serve", "--host  [127.0.0.1]")
    for text in shown_flags:
        assert text in shown


# ---- what is refused: one line, status 2, and nothing that was not there

WRONG = [
    (["--images=nowhere", "new/d.png"], ["folder of images", "nowhere"]),
    (["--images=empty", "new/d.png"], ["empty", "There is none"]),
    (["--images=broken", "new/d.png"], ["None of its 1 files can be read"]),
    (["--images=photos/a.png", "new/d.png"], ["a text file of paths", "a.png"]),
    (["--index=nowhere", "new/d.png"], ["an index at `nowhere`", "--images"]),
    (["--index=photos", "new/d.png"], ["an index at `photos`"]),
    (["--images=photos", "--index=new", "new/d.png"], ["`new` exists and is not an index"]),
    (["--images=photos", "nowhere.png"], ["nowhere.png", "No such file"]),
    (["--images=photos", "m/config.json"], ["an image at `m/config.json`"]),
    (["--images=photos", "nowhere/*.png"], ["nowhere/*.png"]),
    (["--images=photos", "--top=0", "new/d.png"], ["`top` >= 1", "0"]),
    (["--images=photos", "--top=x", "new/d.png"], ["top", "x"]),
    (["--images=photos", "--rerank=codes", "new/d.png"], ["rerank", "outputs"]),
    (["--images=photos", "--serve=99999"], ["a port under 65536"]),
    (["--images=photos", "--picture=photos", "new/d.png"], ["--picture", "`photos` is a folder"]),
    (["--images=photos", "--dataset=digits", "new/d.png"], ["--dataset without --images"]),
    (["--images=photos", "--method=dch", "new/d.png"], ["'gpq', not of 'dch'"]),
    ([], ["--query, --images or --serve"]),
]


@pytest.mark.parametrize("flags, words", WRONG, ids=lambda given: " ".join(given)[:40])
def test_a_mistake_is_one_line_and_leaves_nothing(run, inside, flags, words):
    (inside / "empty").mkdir()
    photos.write(inside / "broken/x.png", b"no image")
    before = contents(inside)
    refused(run(run_search, "--model=m", *flags), *words)
    assert contents(inside) == before and not (inside / "m-index").exists()


def test_no_model_is_refused(run, inside):
    refused(run(run_search, "--images=photos", "new/d.png"), "--model=models/NAME")
    refused(run(run_search, "--model=nowhere", "--images=photos"), "nowhere")


def test_a_pattern_that_fits_nothing_is_refused(run, inside):
    flags = ("--model=m", "--images=photos", "--within=x/*", "new/d.png")
    refused(run(run_search, *flags), "None fits 'x/*'")


def test_an_index_of_another_model_is_refused_and_stays(run, inside):
    run(run_search, "--model=m", "--images=photos", "--index=i")
    examples.model("gpq", seed=1).save("other")
    before = contents("i")
    for flags in (["--images=photos"], ["new/d.png"]):
        refused(run(run_search, "--model=other", "--index=i", *flags), "another model", "`m`")
    assert contents("i") == before


def test_a_damaged_index_is_refused_and_stays(run, inside):
    run(run_search, "--model=m", "--images=photos", "--index=i")
    (inside / "i/index.sqlite").write_bytes(b"nonsense" * 1000)
    before = contents("i")
    for flags in (["--images=photos"], ["new/d.png"]):
        answer = run(run_search, "--model=m", "--index=i", *flags)
        refused(answer, "`i` is no index, or a damaged one", "Remove it and index again")
    assert contents("i") == before


def test_outputs_that_are_not_there_are_asked_for(run, inside):
    run(run_search, "--model=m", "--images=photos")
    flags = ("--model=m", "--index=m-index", "--rerank=outputs", "new/d.png")
    refused(run(run_search, *flags), "does not keep the outputs", "--images and --rerank=outputs")


def test_a_port_that_is_taken_is_refused_before_anything_is_indexed(run, inside):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flags = ("--model=m", "--images=photos", f"--serve={port}")
        refused(run(run_search, *flags), f"127.0.0.1:{port}", "in use")
    assert not (inside / "m-index").exists()


def test_an_interruption_ends_with_130_and_a_line(run, inside, monkeypatch):
    def interrupt(self, positions, outputs):
        raise KeyboardInterrupt

    add = indexing._Waiting.add
    monkeypatch.setattr(indexing._Waiting, "add", lambda *given: add(*given) or interrupt(*given))
    status, shown, errors = run(run_search, "--model=m", "--images=photos")
    assert (status, errors) == (130, "")
    assert shown == "Stopped. 3 images are indexed; the same command goes on.\n"
    assert store.exists("m-index")


# ---- as a process


KEPT = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}


def test_the_page_is_shown_until_ctrl_c(inside):
    command = [sys.executable, ROOT / "run_search.py", "--model=m", "--images=photos", "--serve=0"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "env": KEPT}
    # What runs in the background, as these tests may, has Ctrl-C ignored; and so have its children.
    options["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, **options) as page:
        try:
            assert page.stdout.readline() == "indexed 3, unchanged 0\n"
            address = page.stdout.readline().removeprefix("The page is at ").split()[0]
            with urllib.request.urlopen(address + "health") as answer:
                assert json.loads(answer.read())["images"] == 3
            page.send_signal(signal.SIGINT)
            assert page.wait(60) == 0 and page.stdout.read() == ""
        finally:
            page.kill()


def test_names_that_are_not_utf_8_are_indexed_and_printed(inside):
    os.rename("photos/a.png", b"photos/\xff.png")
    photos.write(pathlib.Path(os.fsdecode(b"photos/\xfe.png")), b"no image")
    command = [sys.executable, ROOT / "run_search.py", "--model=m", "--images=photos", "new/d.png"]
    done = subprocess.run(command, capture_output=True, env=KEPT)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"indexed 3, unchanged 0, left out: 1 unreadable" in done.stdout
    assert b"photos/\xff.png\n" in done.stdout
    assert (inside / "m-index/left_out.txt").read_bytes().endswith(b"photos/\xfe.png\n")
