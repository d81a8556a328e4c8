"""A training from its settings to its end: begins or goes on, shows, saves."""

import contextlib
import dataclasses
import logging
import os

from tfhash import config as fields
from tfhash import contents, locks, model_dir
from tfhash import settings as all_settings
from tfhash.training import batch_sizes, callbacks, distribution, runs
from tfhash.training.interrupts import Interrupts

LOG = logging.getLogger("tfhash")


def check(settings):
    """Raises ValueError where a training can't start or go on in its model directory."""
    if settings.run.resume:
        model_dir.check_there(settings.model)
    elif not (settings.config.habits.repeats and _is_begun(settings)):
        model_dir.check_free(settings.model, overwrite=settings.run.overwrite)


def train(settings, given, *, progress=True, interrupted=None):
    """Trains what `Settings` say, into their model directory.

    Args:
        settings: the `Settings`.
        given: `{setting: value}` that the user gave; when a training goes on, only those are
            compared with what it began with.
        progress: shows a progress bar.
        interrupted: `Interrupts`, asked after every step; the state is saved where they are true.
    Returns:
        The `runs.Run`, trained; None where it was interrupted before it began.
    Raises:
        ValueError: another process trains in the directory, or the settings do not fit.
    """
    interrupted = Interrupts() if interrupted is None else interrupted
    with _alone(settings.model):
        return _train(settings, given, progress, interrupted)


@contextlib.contextmanager
def _alone(path):
    """Within this, this process is the only one that writes in a model directory."""
    with locks.held(path):
        contents.check_links(path)
        contents.sweep(os.path.realpath(path))
        yield


def _train(settings, given, progress, interrupted):
    strategy = _strategy(settings.devices)
    repeats = settings.config.habits.repeats
    if settings.run.resume or (repeats and _is_begun(settings)):
        run = _resume(settings, given, strategy)
    else:
        for line in settings.notes:
            LOG.info(line)
        settings = batch_sizes.shared(settings, strategy.num_replicas_in_sync)
        settings = _with_first_stage(settings, strategy, progress, interrupted)
        if settings is None:
            return None
        run = runs.start(settings, strategy=strategy)
    again = "the same command" if repeats else f"--resume --model={run.path}"
    _fit(run, settings, again, progress=progress, interrupted=interrupted)
    return run


def _strategy(devices):
    strategy = distribution.strategy(devices.gpus, devices.virtual_devices)
    names, replicas = strategy.extended.worker_devices, strategy.num_replicas_in_sync
    if replicas > 1:
        LOG.info("devices: %s (%d replicas)", ", ".join(names), replicas)
    else:
        LOG.info("device: %s", names[0])
    return strategy


def _is_begun(settings):
    return not settings.run.overwrite and model_dir.is_model(settings.model)


def _resume(settings, given, strategy):
    compared = [*fields.names(type(settings.config)), *fields.names(all_settings.Data), "bits"]
    compared += runs.KEPT
    changes = {name: value for name, value in given.items() if name in compared}
    return runs.resume(
        settings.model,
        method=settings.method,
        given=changes,
        strategy=strategy,
        jit_compile=settings.run.jit_compile,
    )


def _with_first_stage(settings, strategy, progress, interrupted):
    """The settings with the model that a training starts from, which is trained first where the
    method needs one and none is given; None where that was interrupted."""
    config = settings.config
    before = config.stage_before(settings.data.dataset)
    if before is None or settings.run.start_from:
        return settings
    name = before.model_name(settings.method)
    home = os.path.dirname(settings.model)
    named = settings.model != os.path.join(home, config.model_name(settings.method))
    path = f"{settings.model}_{name}" if named else os.path.join(home, name)
    origins = settings.origins | {"batch_size": all_settings.DEFAULT}
    first = dataclasses.replace(settings, config=before, model=path, origins=origins)
    with _alone(path):
        if model_dir.is_model(path):
            LOG.info("Starts from %s as it was trained, since no --start_from is given.", path)
            # It has to be of the same data. What this stage needs of its other settings is
            # compared where it is taken over.
            own = fields.names(type(config))
            same = {n: value for n, value in settings.data.stored().items() if n not in own}
            run = runs.resume(path, method=settings.method, given=same, strategy=strategy)
        else:
            LOG.info(
                "Starts from a model that is trained first, into %s: no --start_from is given.",
                path,
            )
            first = batch_sizes.shared(first, strategy.num_replicas_in_sync)
            plain = dataclasses.replace(settings.run, pretrained="", overwrite=False)
            run = runs.start(dataclasses.replace(first, run=plain), strategy=strategy)
        _fit(run, first, "the same command", progress=progress, interrupted=interrupted)
    if interrupted:
        return None
    return dataclasses.replace(settings, run=dataclasses.replace(settings.run, start_from=path))


def _fit(run, settings, again, *, progress, interrupted):
    """Trains a `Run` to its end; `again` says how to go on after an interruption."""
    trainer, every = run.trainer, run.model.config.save_every
    saving = callbacks.Saving(trainer, run.path, every=every)
    watch = callbacks.standard(
        trainer,
        run.path,
        run.splits,
        validate_every=settings.run.validate_every or every,
        progress=progress,
    )
    board = os.path.join(run.path, "tensorboard")
    LOG.info("Training into %s; watch: tensorboard --logdir %s", run.path, board)
    trainer.fit(
        run.splits.train,
        steps_per_epoch=run.steps_per_epoch,
        callbacks=[*watch, saving],
        interrupted=interrupted,
    )
    if interrupted:
        saving.save()
        LOG.info("\nStopped and saved at step %d. Go on with %s.", trainer.step, again)
    else:
        LOG.info("Trained %d steps. Test: python run_test.py --model=%s", trainer.step, run.path)
