"""Trains what is not there yet, tests all of it alike, and writes the table after each."""

import contextlib
import dataclasses
import gc
import json
import logging
import os
import time

from tfhash import files, model_dir
from tfhash.comparison import measure, tables
from tfhash.comparison import settings as plans
from tfhash.lazy import keras
from tfhash.model import Model
from tfhash.training import batch_sizes, runs, sessions
from tfhash.training.interrupts import Interrupts

RECORDS = "runs.json"
LOG = logging.getLogger("tfhash")


class Records:
    """What is known of the trainings of a comparison, in OUT/runs.json.

    `{name: {"given", "cpu", "trained", "protocol", "measures"}}`.
    """

    def __init__(self, folder):
        self.path = os.path.join(folder, RECORDS)
        self.known = {}
        if os.path.exists(self.path):
            try:
                self.known = dict(json.loads(files.read(self.path, "records of a comparison")))
            except ValueError as error:
                raise ValueError(
                    f"`{self.path}` can't be read: {error}. Remove it, or give another --out."
                ) from error

    def of(self, cell):
        """The record of a `Cell`, a new one where there is none.

        Raises:
            ValueError: it was trained with other settings.
        """
        record = self.known.setdefault(cell.name, {"given": cell.given, "cpu": 0.0})
        if record["given"] != cell.given:
            raise ValueError(
                f"`{self.path}`: {cell.name} was trained with {record['given']}. Received: "
                f"{cell.given}. Give another --out."
            )
        return record

    def save(self):
        """Writes the file, whole or not at all."""
        with files.whole(self.path) as partial:
            partial.write_text(json.dumps(self.known, indent=1) + "\n")


def compare(asked, given, *, interrupted=None):
    """Trains and tests the cells of a comparison; the paths of what shows it.

    A cell that is trained and tested by the same protocol is passed over; a training that was
    broken off goes on.

    Args:
        asked: a `Compare`.
        given: `{setting: value}` that the user gave for every training.
        interrupted: `Interrupts`; the training at hand is saved and the rest left where they are
            true.
    Raises:
        ValueError: a combination that can't be, before anything is trained.
    """
    interrupted = Interrupts() if interrupted is None else interrupted
    cells, records = plans.cells(asked, given), Records(asked.out)
    left = [cell for cell in cells if not _is_done(records.of(cell), asked)]
    _check(left, asked)
    paths = []
    for number, cell in enumerate(left, 1):
        record = records.of(cell)
        with _quiet():
            _train(cell, record, records, asked, interrupted)
        if interrupted:
            LOG.info("Stopped in %s. The same command goes on.", cell.name)
            return paths
        with _quiet():
            run = runs.open_trained(cell.settings(asked.out).model)
            record["data"] = _described(cell.given.get("dataset"), run.splits)
            record["measures"] = measure.measure(run.model, run.splits, **asked.protocol())
        record["protocol"] = asked.protocol()
        records.save()
        keras.backend.clear_session()  # dozens of models in one process
        gc.collect()
        LOG.info("%d of %d: %s, mAP %.3f", number, len(left), cell.name, record["measures"]["mAP"])
        paths = _write(cells, records, asked)
    return paths or _write(cells, records, asked)


def _is_done(record, asked):
    return record.get("trained", False) and record.get("protocol") == asked.protocol()


def _check(cells, asked):
    """Raises ValueError where the data or a network can't be those of a cell.

    Of each method and length one seed is looked at, which differ in nothing here.
    """
    seen = set()
    for cell in cells:
        if (cell.method, cell.bits) in seen:
            continue
        seen.add((cell.method, cell.bits))
        with plans.naming(cell), _quiet():
            settings = cell.settings(asked.out)
            splits = runs.load_splits(settings.data, settings.method, settings.config)
            settings = batch_sizes.fitting(settings, splits.train, 1)
            shapes = {"classes": splits.trained_classes, "size": splits.query.images.size}
            model = Model(settings.method, settings.config, **shapes)
            model.recipe.steps_per_epoch(splits.train)
    keras.backend.clear_session()


def _train(cell, record, records, asked, interrupted):
    """Trains a cell to its end, or goes on with it; keeps the CPU seconds, also of a part."""
    if record.get("trained"):
        return
    settings = cell.settings(asked.out)
    begun = model_dir.is_model(settings.model)
    settings = dataclasses.replace(
        settings, run=dataclasses.replace(settings.run, resume=begun, overwrite=False)
    )
    started = time.process_time()
    try:
        with plans.naming(cell):
            sessions.train(settings, cell.given, progress=False, interrupted=interrupted)
        record["trained"] = not interrupted
    finally:
        record["cpu"] += time.process_time() - started
        records.save()


def _write(cells, records, asked):
    """The tables of the cells that are tested."""
    rows = []
    for cell in cells:
        record = records.of(cell)
        if _is_done(record, asked):
            cost = {tables.COST: record["cpu"]}
            rows.append((cell.method, cell.bits, record["measures"] | cost))
            data = record["data"]
    seeds = sorted({cell.seed for cell in cells})
    title = (
        f"{data}; {len(rows)} of {len(cells)} trainings. mAP at {asked.R or 'all'} ranks, order of "
        f"ties: {asked.ties}. Seeds: {', '.join(map(str, seeds))}."
    )
    return tables.write(rows, asked.out, title)


def _described(name, splits):
    """What was searched, in a few words; by the `name` that the user gave the dataset, if any."""
    text = f"{name or splits.dataset}: {len(splits.query)} queries in {len(splits.database)} items"
    if splits.unseen:
        counts = len(splits.trained_classes), len(splits.unseen)
        text += " of {} classes seen in training and {} unseen".format(*counts)
    return text


@contextlib.contextmanager
def _quiet():
    """Within this, what single trainings and tests report is not shown."""
    level = LOG.level
    LOG.setLevel(logging.ERROR)
    try:
        yield
    finally:
        LOG.setLevel(level)
