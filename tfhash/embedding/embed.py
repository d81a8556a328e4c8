"""One pass over images, into files that --dataset=embeddings:PATH reads."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import logging
import os
import pathlib
import time

import numpy as np

from tfhash import backbones, contents, files, locks, model_dir, settings
from tfhash import config as fields
from tfhash.data import pipeline
from tfhash.embedding import encoders, sources
from tfhash.embedding.rows import Rows
from tfhash.embedding.settings import Embed
from tfhash.settings import Devices, Images
from tfhash.training import distribution
from tfhash.training.interrupts import Interrupts

LOG = logging.getLogger("tfhash")
KINDS = (Embed, Images, Devices)
LABELS, IDS, PARTS, BAD = "labels.npy", "ids.txt", "split.npy", "bad_images.txt"
BESIDE = (LABELS, IDS, PARTS, "labels.csv")
SAVED = 10  # seconds between two states
SHOWN = 5  # seconds between two lines


def embed(images="", *, method=None, interrupted=None, **given):
    """Writes the vectors of images into files that --dataset=embeddings:PATH reads.

    Args:
        images: a folder, a text file of paths, or the name of a dataset.
        method: that a trained model is expected to have; None takes any.
        interrupted: `Interrupts`, asked after every batch; what is done is kept.
        given: any settings of run_embed.py by their names there, as img_model, model, pretrained,
            out, dtype, views, image_size, seed, gpus ...
    Returns:
        The paths of the files that were written, that of the vectors first; [] where it was
        interrupted.
    Raises:
        ValueError: an unknown setting, or one that does not fit; the files are there, no image can
            be read, or vectors are not finite.

    >>> import numpy as np, tfhash
    >>> paths = tfhash.embed("digits", img_model="tiny", encode_batch=512, out="vectors")
    >>> np.load(paths[0], mmap_mode="r").shape
    (1797, 32)
    """
    asked, options, devices = settle(given | {"images": images})
    path = place(asked.out)
    interrupted = Interrupts() if interrupted is None else interrupted
    strategy = None if asked.model else distribution.strategy(**dataclasses.asdict(devices))
    source = sources.of(asked.images or options.dataset, options, given="data_dir" in given)
    for line in source.notes:
        LOG.info(line)
    with locks.held(path):
        contents.sweep_files(path.parent, functools.partial(_is_own, path))
        if asked.model:
            encoder = encoders.of_model(asked.model, options, devices, method)
        else:
            encoder = encoders.of_backbone(asked, options, strategy)
        part = sources.part(source, encoder.side, encoder.source)
        about = _about(asked, options, source, part, encoder)
        identity = hashlib.sha256(json.dumps([about, source.ids, source.stamps()]).encode())
        rows = Rows(path, len(part), identity.hexdigest(), overwrite=asked.overwrite)
        with contextlib.closing(rows):
            if _embed(rows, encoder, part, asked, options, interrupted):
                return _finish(rows, source, about)
    LOG.info("Stopped after %d of %d. The same command goes on.", rows.done, len(part))
    return []


def settle(given):
    """The settings of `{name: value}`, of each of `KINDS`; imports no TensorFlow.

    Raises:
        ValueError: they do not fit, or the files that would be written are there.
    """
    settings.check_names(given, [name for kind in KINDS for name in fields.names(kind)])
    asked, options, devices = (kind.of(given) for kind in KINDS)
    if asked.img_model:
        backbones.checked(asked.img_model)
    _check(asked, options, place(asked.out))
    if asked.model:
        model_dir.check_there(asked.model)
    return asked, options, devices


def place(out):
    """The path of the .npy file that --out names."""
    path = pathlib.Path(os.path.expanduser(out))
    return path if path.suffix == ".npy" else path / "vectors.npy"


def _is_own(path, name):
    """Whether the name of a temporary file is of one that a killed process was writing."""
    own = {LABELS, IDS, PARTS, BAD, path.name, f"{path.stem}.json", f".{path.name}.part.json"}
    return files.TEMPORARY.fullmatch(name)["name"] in own


def _check(asked, options, path):
    """Raises ValueError where the settings do not fit, or the files are there."""
    dataset = options.dataset != Images.dataset
    for what, both in (
        ("--img_model=BACKBONE or --model=models/NAME", (asked.img_model, asked.model)),
        ("--images=FOLDER, a list or a dataset, or --dataset=NAME", (asked.images, dataset)),
    ):
        if all(both) or not any(both):
            raise ValueError(f"Expected {what}. Received {'both' if all(both) else 'none'}.")
    if asked.overwrite:
        return
    unfinished = path.with_name(f".{path.name}.part").exists()
    there = [path, *(path.with_name(name) for name in BESIDE if not unfinished)]
    there = [str(one) for one in there if one.exists()]
    if there:
        raise ValueError(
            f"`{there[0]}` exists. Use --overwrite to replace what is there, or give --out a "
            "folder of its own."
        )


def _about(asked, options, source, part, encoder):
    """What determines the vectors, as JSON holds it."""
    return encoder.about | {
        "images": source.name,
        "image_size": list(part.images.size),
        "dtype": asked.dtype,
        "views": asked.views,
        "seed": options.seed if asked.views else None,
        # The last digits of an output depend on how many are computed at once.
        "encode_batch": asked.encode_batch,
        "replicas": encoder.strategy.num_replicas_in_sync,
        "versions": encoders.versions(),
    }


def _embed(rows, encoder, part, asked, options, interrupted):
    """Writes the rows that are not done; False where it was interrupted before the end."""
    unread = getattr(part.images, "unread", set())
    unread.update(rows.noted or ())
    shown, begun, first = _Shown(len(part)), time.monotonic(), rows.done
    saved, drawn = begun, {"views": asked.views, "seed": options.seed}
    size = asked.encode_batch
    with pipeline.plain_errors():
        batches = encoder.batches(part, size, first=first, **drawn) if first < len(part) else ()
        for found in batches:
            rows.append(_narrowed(found, asked.dtype, part, rows.done, unread))
            shown(rows.done, rows.done - first, time.monotonic() - begun)
            stopped = bool(interrupted) and rows.done < len(part)
            if stopped or time.monotonic() - saved > SAVED:
                # Images ahead may be read already; they will be read again.
                rows.keep(sorted(bad for bad in list(unread) if bad < rows.done))
                saved = time.monotonic()
            if stopped:
                return False
    rows.keep(sorted(unread))
    return True


def _narrowed(found, dtype, part, first, unread):
    """A batch as numbers of a dtype; ValueError where one of an image that was read is not
    finite."""
    with np.errstate(over="ignore"):  # infinite ones are errors
        narrow = found.astype(dtype)
    finite = np.isfinite(narrow).reshape(len(narrow), -1).all(axis=1)
    bad = [row for row in np.flatnonzero(~finite) if first + row not in unread]
    if bad:
        wider = " Use --dtype=float32." if np.isfinite(found[bad]).all() else ""
        raise ValueError(
            f"The vectors of {len(bad)} images are not finite as {dtype}, the first of them that "
            f"of {part.name(first + bad[0])}.{wider}"
        )
    return narrow


class _Shown:
    """Logs how far it is: images, images a second, and the time that is left."""

    def __init__(self, total):
        self.total, self._last = total, time.monotonic()

    def __call__(self, done, fresh, seconds):
        """Logs that `done` images are there, `fresh` of them in so many seconds; now and then."""
        if time.monotonic() - self._last < SHOWN and done < self.total:
            return
        self._last = time.monotonic()
        rate = fresh / max(seconds, 1e-9)
        left = (self.total - done) / rate
        numbers = (done, self.total, rate, left)
        LOG.info("embedded %d of %d images, %.1f images/s, %.0f s left", *numbers)


# ---- the files


def _finish(rows, source, about):
    """Writes the files beside the vectors, and gives those their name; the paths."""
    folder, left_out = rows.path.parent, np.array(rows.noted, np.int64)
    if len(left_out) == len(source.ids):
        raise ValueError(f"None of the {len(left_out)} images of {source.name} can be read.")
    kept = np.setdiff1d(np.arange(len(source.ids)), left_out)
    texts = {IDS: _lines(source.ids, kept)}
    if len(left_out):
        LOG.info("files that can't be read: %d, see %s", len(left_out), folder / BAD)
        texts[BAD] = _lines(source.ids, left_out)
    texts[f"{rows.path.stem}.json"] = json.dumps(about, indent=2).encode() + b"\n"
    for name, content in texts.items():
        with files.whole(folder / name) as partial:
            partial.write_bytes(content)
    arrays = {LABELS: source.labels, PARTS: source.parts}
    for name, array in arrays.items():
        if array is not None:
            with files.whole(folder / name) as partial, open(partial, "wb") as file:
                np.save(file, array[kept], allow_pickle=False)
        else:
            (folder / name).unlink(missing_ok=True)  # of vectors that are replaced
    rows.finish(left_out)
    written = [rows.path, *(folder / name for name in texts)]
    return [*written, *(folder / name for name, array in arrays.items() if array is not None)]


def _lines(ids, positions):
    """Ids as the bytes of a text file, a line each."""
    names = (" ".join(ids[position].splitlines()) for position in positions)
    text = "".join(f"{name}\n" for name in names)
    return text.encode(errors="surrogateescape").decode(errors="replace").encode()
