"""The order in which a training writes, and what it says of itself."""

import types

import numpy as np
import pytest

from tests import examples
from tfhash import model_dir
from tfhash.evaluation import results
from tfhash.training import callbacks

STEPS = 2  # of an epoch


class Killed(BaseException):
    """The end of a process."""


class Disk:
    """What outlives a process: a model directory, and the steps of the states in it.

    The process is killed before the write number `dies_at`, from 0; never where that is None.
    """

    def __init__(self, path, monkeypatch, dies_at=None):
        self.path, self.states, self.dies_at = path, [], dies_at
        model_dir.create(path, examples.SETTINGS, {"w": np.int64(0)})
        save = model_dir.save_weights

        def save_weights(*given, **options):
            self.count()
            save(*given, **options)

        monkeypatch.setattr(model_dir, "save_weights", save_weights)

    def count(self):
        if self.dies_at is not None:
            self.dies_at -= 1
            if self.dies_at < 0:
                self.dies_at = None
                raise Killed


class Trainer:
    """A trainer whose only weight is its step."""

    def __init__(self, disk, best_by):
        self.step, self.disk = max(disk.states, default=0), disk
        head = types.SimpleNamespace(best_by=best_by)
        self.model = types.SimpleNamespace(recipe=types.SimpleNamespace(head=head))
        self.model.arrays = lambda: {"w": np.int64(self.step)}

    def checkpoints(self, path):
        return self

    def steps(self):
        return self.disk.states

    def save(self):
        self.disk.count()
        self.disk.states.append(self.step)


def train(disk, best_by, values, save_every, validate_every):
    """Trains from the newest state to the end; `values` of a validation after each epoch."""
    trainer = Trainer(disk, best_by)
    saving = callbacks.Saving(trainer, disk.path, every=save_every)
    saving.set_params({"epochs": len(values)})
    saving.on_train_begin()
    for epoch in range(trainer.step // STEPS, len(values)):
        trainer.step = (epoch + 1) * STEPS
        validated = (epoch + 1) % validate_every == 0 or epoch + 1 == len(values)
        saving.on_epoch_end(epoch, {"val_p": values[epoch]} if validated else {})


def kept(disk):
    """The step of the weights on the disk."""
    arrays, step = model_dir.load_weights(disk.path)
    assert arrays["w"] == step
    return step


RISING, FALLING, UNEVEN = (1, 2, 3, 4), (4, 3, 2, 1), (0.2, 0.9, 0.9, 0.1, 0.5, 0.3)
CASES = [
    ("p", values, *every)
    for values in (RISING, FALLING, UNEVEN)
    for every in ((1, 1), (2, 1), (3, 1), (1, 2), (2, 2))
] + [(None, UNEVEN, 2, 1), ("another", UNEVEN, 2, 1)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_killed_before_any_write_a_training_ends_with_the_same_weights(case, tmp_path, monkeypatch):
    best_by, values, save_every, validate_every = case
    with monkeypatch.context() as patch:
        unbroken = Disk(tmp_path / "unbroken", patch)
        train(unbroken, *case)
    validated = [
        n for n in range(1, len(values) + 1) if n % validate_every == 0 or n == len(values)
    ]
    best = max(validated, key=lambda n: values[n - 1]) if best_by == "p" else len(values)
    assert kept(unbroken) == best * STEPS
    for dies_at in range(100):
        with monkeypatch.context() as patch:
            disk = Disk(tmp_path / str(dies_at), patch, dies_at)
            try:
                train(disk, *case)
            except Killed:
                train(disk, *case)
        assert kept(disk) == kept(unbroken), dies_at
        if disk.dies_at is not None:
            break
    assert dies_at > len(values) // save_every


def test_weights_never_go_before_the_first_state(tmp_path, monkeypatch):
    """Else a training without a state would start from weights that are no initial ones."""
    disk = Disk(tmp_path / "m", monkeypatch, dies_at=1)
    with pytest.raises(Killed):
        train(disk, None, RISING, 1, 1)
    assert disk.states == [0] and kept(disk) == 0


def test_a_training_that_has_lost_its_way_is_told_once(monkeypatch, caplog):
    trainer = types.SimpleNamespace(step=40, model=types.SimpleNamespace(seed=0))
    validation = callbacks.Validation(trainer, examples.splits(), None, every=1)
    for alike in (None, "all 9 items have the same code", "all 9 items have the same code"):
        validation._warn(alike)
    assert caplog.text.count("At step 40 the model hardly tells images apart: all 9 items") == 1


def collapsed(outputs, model="gpq"):
    """What is said of a model that gives these outputs."""
    model = examples.model(model)
    splits = examples.splits(len(outputs) * 6 // 5)
    model.embed = lambda part, **options: outputs[: len(part)]
    return results.collapse(results.evaluate(model, splits))


@pytest.mark.parametrize(
    "outputs, said",
    [
        (np.full((60, 16), 3.0), "the outputs of all 60 images are equal"),
        (np.full((60, 16), 3.0) + 1e-7 * np.eye(60, 16), "the outputs of all 60"),
        (1.0 + np.random.default_rng(0).random((60, 16)), "all 60 items have the same code"),
        (np.random.default_rng(0).normal(size=(60, 16)), None),
    ],
    ids=["equal", "rounding", "one code", "well"],
)
def test_outputs_and_codes_that_are_all_alike_are_noticed(outputs, said, caplog):
    alike = collapsed(outputs.astype(np.float32), "dch")
    assert alike is None if said is None else said in alike
    assert ("hardly tells images apart" in caplog.text) == (said is not None)
