"""The examples in README.md run as they stand there, for every method."""

import pathlib
import re

import cv2
import numpy as np
import pytest

import tfhash
from tests import examples
from tfhash import methods

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text()


def example(heading):
    """The first block of Python under a heading, its lines."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    block = re.search(r"(?:^    .*\n|^\n)+", section[section.index("    import") :], re.MULTILINE)
    return [line.removeprefix("    ") for line in block.group().splitlines()]


@pytest.mark.parametrize("method", methods.names())
def test_the_search_in_python_runs(method, tmp_path, monkeypatch, capsys):
    """With a model that is not trained, without the lines that need one in a directory."""
    monkeypatch.chdir(tmp_path)
    lines = example("In Python")
    aside = ("tfhash.train(", "tfhash.evaluate(", "tfhash.embed(")
    kept = [line for line in lines if not any(name in line for name in aside)]
    assert len(lines) - len(kept) == len(aside)
    images = np.random.default_rng(0).integers(0, 256, (24, 20, 30, 3), dtype=np.uint8)
    paths = [f"{number}.png" for number in range(24)]
    for path, image in zip(paths, images):
        cv2.imwrite(path, image)
    given = {"model": examples.model(method), "images": images, "paths": paths}
    exec("\n".join(kept), given | {"new_images": images[:3]})
    shown = capsys.readouterr().out
    assert ".png" in shown
    loaded = tfhash.load_codes("codes.npz")
    assert len(loaded) == 24 and loaded.names.tolist() == paths
