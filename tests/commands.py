"""What the tests of the two commands share beside the fixture `run`."""

import pathlib
import signal

from matplotlib import figure

from tests import examples
from tfhash import config as fields
from tfhash import methods
from tfhash.evaluation import pictures
from tfhash.methods import base

QUICK = ("--method=gpq", "--img_model=tiny", "--epochs=2", "--steps_per_epoch=2", "--batch_size=8")
TWO_STEPS = {"epochs": 1, "iter_num": 2, "iterations_per_epoch": 2}  # of the settings of a length


def refused(result, *words):
    """Asserts a clear refusal: status 2 and one line that holds the words."""
    status, _, errors = result
    assert status == 2, result
    assert errors.startswith("error: ") and errors.count("\n") == 1, errors
    for word in words:
        assert word in errors, errors


def small(method, **changes):
    """The flags of a training of a method in two steps: those of its settings in `SMALL`."""
    known = fields.names(methods.load(method).Config)
    values = {n: v for n, v in (examples.SMALL | TWO_STEPS | changes).items() if n in known}
    flags = [f"--{name}={value}" for name, value in values.items()]
    return (f"--method={method}", "--dataset=digits", "--steps_per_epoch=2", *flags)


def write_lists(folder, images, **labels):
    """Image files and a list of them for each part, as NAME.txt.

    Args:
        folder: is made.
        images: `[n, height, width, 3]`.
        labels: `{part: {number of an image: what follows its path}}`.
    """
    import cv2

    folder = pathlib.Path(folder)
    (folder / "images").mkdir(parents=True)
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"images/{number}.png"), image)
    for name, rows in labels.items():
        lines = [f"images/{number}.png {text}\n" for number, text in rows.items()]
        (folder / f"{name}.txt").write_text("".join(lines))


def quick_report(monkeypatch):
    """Leaves out the picture of a test that takes long, t-SNE's."""
    monkeypatch.setattr(pictures, "embedding", lambda *given: figure.Figure())


def interrupt_in_step(monkeypatch, step, number=signal.SIGINT):
    """Sends this process a signal in a step of the next training, as Ctrl-C does; once."""
    done = []

    def on_step_end(self, outputs, positions):
        done.append(step)
        if len(done) == step:
            signal.raise_signal(number)

    monkeypatch.setattr(base.Method, "on_step_end", on_step_end)
