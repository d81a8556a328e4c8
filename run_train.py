"""Trains a method: python run_train.py --method=gpq --num_codebooks=12"""

import dataclasses
import os

from flags import common
from tfhash import methods, model_dir
from tfhash.training import callbacks, distribution, runs


def train(values, module):
    """Runs the command with its flags."""
    if module is None:
        raise ValueError(f"Expected --method to be one of {methods.names()}. Received none.")
    strategy = distribution.strategy(values.gpus, values.virtual_devices)
    replicas = strategy.num_replicas_in_sync
    print(f"devices: {', '.join(strategy.extended.worker_devices)} ({replicas} replicas)"
          if replicas > 1 else f"device: {strategy.extended.worker_devices[0]}")  # fmt: skip
    config, lines = common.settle(values, module)
    method = methods.load(values.method).Method
    path = values.model or os.path.join("models", method.model_name(config))
    goes_on = method.resumes and not values.overwrite and model_dir.is_model(path)
    if values.resume or goes_on:
        run = resume(values, config, path, strategy)
    else:
        print("\n".join(lines))
        run = start(values, config, path, strategy)
    fit(run, values, again="the same command" if method.resumes else f"--resume --model={path}")


def fit(run, values, *, again):
    """Trains until all epochs are done; `again` says how to go on after an interruption."""
    config, path = run.hasher.method.config, run.path
    saving = callbacks.Saving(run.hasher, path, every=config.save_every)
    watch = callbacks.standard(
        run.hasher, path, run.splits, validate_every=values.validate_every or config.save_every
    )
    print(f"Training into {path}; watch: tensorboard --logdir {os.path.join(path, 'tensorboard')}")
    try:
        run.hasher.fit(
            run.splits.train,
            steps_per_epoch=run.steps_per_epoch,
            callbacks=[*watch, saving],
        )
    except KeyboardInterrupt:
        saving.save()
        print(f"\nStopped and saved at step {run.hasher.step}. Go on with {again}.")
        raise
    print(f"Trained {run.hasher.step} steps. Test: python run_test.py --model={path}")


def start(values, config, path, strategy):
    """Starts a run by the flags."""
    options = runs.DataOptions(**common.values_of(values, common.DATA), seed=values.seed)
    model_dir.check_free(path, overwrite=values.overwrite)
    return runs.start(
        values.method,
        config,
        options,
        path,
        strategy=strategy,
        start_from=values.start_from or first_stage(values, config, options, path, strategy),
        **common.values_of(values, common.START),
    )


def first_stage(values, config, options, path, strategy):
    """Trains the model that a training starts from, where it needs one; its directory or None."""
    method = methods.load(values.method).Method
    before = method.stage_before(config, options.dataset)
    if before is None:
        return None
    path = f"{path}_{method.model_name(before)}" if values.model else os.path.join(
        "models", method.model_name(before))  # fmt: skip
    if model_dir.is_model(path):
        print(f"Starts from {path}, since no --start_from is given.")
        changes = dataclasses.asdict(before) | dataclasses.asdict(options)
        run = runs.resume(path, method=values.method, changes=changes, strategy=strategy)
    else:
        print(f"Starts from a model that is trained first, into {path}: no --start_from is given.")
        shared = ("precision", "seed", "jit_compile", "steps_per_epoch")
        run = runs.start(values.method, before, options, path, strategy=strategy,
                               **common.values_of(values, shared))  # fmt: skip
    fit(run, values, again="the same command")
    return path


def resume(values, config, path, strategy):
    """Goes on with a run."""
    fields = [field.name for field in dataclasses.fields(config)]
    return runs.resume(
        path,
        method=values.method,
        changes=common.asked(
            values, [*fields, *common.DATA, "seed", "precision", "steps_per_epoch"]
        ),
        strategy=strategy,
        jit_compile=values.jit_compile,
    )


if __name__ == "__main__":
    common.main(train, common.define_train, __doc__ + "\n")
