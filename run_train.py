"""Trains a method: python run_train.py --method=gpq --num_codebooks=12"""

import dataclasses
import os

from flags import common
from tfhash import callbacks, data, distribute, experiment, methods, model_dir


def train(values, module):
    """Runs the command with its flags."""
    if module is None:
        raise ValueError(f"Expected --method to be one of {methods.names()}. Received none.")
    strategy = distribute.strategy(values.gpus, values.virtual_devices)
    replicas = strategy.num_replicas_in_sync
    print(f"devices: {', '.join(strategy.extended.worker_devices)} ({replicas} replicas)"
          if replicas > 1 else f"device: {strategy.extended.worker_devices[0]}")  # fmt: skip
    again = values.resume or (not values.overwrite and goes_on(values, module))
    fit((resume if again else start)(values, module, strategy), values)


def goes_on(values, module):
    """Whether the method goes on by itself with the run that is in the model directory."""
    if not methods.load(values.method).Method.resumes:
        return False
    return model_dir.is_model(model_path(values, module.config(values)))


def model_path(values, config):
    """The model directory of the flags."""
    name = methods.load(values.method).Method.model_name(config)
    return values.model or os.path.join("models", name)


def fit(run, values):
    """Trains until all epochs are done."""
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
        again = "the same command" if run.hasher.method.resumes else "--resume"
        print(f"\nStopped and saved at step {run.hasher.step}. Go on with {again}.")
        raise
    print(f"Trained {run.hasher.step} steps. Test: python run_test.py --model={path}")


def start(values, module, strategy):
    """Starts a run by the flags."""
    method = methods.load(values.method).Method
    dataset = method.dataset_names.get(values.dataset, values.dataset)
    dataset, note = data.resolve(dataset, values.data_dir)
    asked = common.asked(values, [field.name for field in dataclasses.fields(module.Config)])
    for name, value in method.defaults(dataset, asked).items():
        if not common.given(values, name):
            values[name].value = value
            print(f"  --{name}={value}, since the dataset is {dataset}")
    if dataset == values.dataset:
        note = data.resolve(dataset, values.data_dir)[1]  # in the method's own folder for it
    print(note)
    config = module.config(values)
    options = experiment.DataOptions(
        **common.values_of(values, common.DATA) | {"dataset": dataset, "seed": values.seed}
    )
    path = model_path(values, config)
    model_dir.check_free(path, overwrite=values.overwrite)
    return experiment.start(
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
        run = experiment.resume(path, method=values.method, changes=changes, strategy=strategy)
    else:
        print(f"Starts from a model that is trained first, into {path}: no --start_from is given.")
        shared = ("precision", "seed", "jit_compile", "steps_per_epoch")
        run = experiment.start(values.method, before, options, path, strategy=strategy,
                               **common.values_of(values, shared))  # fmt: skip
    fit(run, values)
    return path


def resume(values, module, strategy):
    """Goes on with a run."""
    config = module.config(values)
    fields = [field.name for field in dataclasses.fields(config)]
    return experiment.resume(
        model_path(values, config),
        method=values.method,
        changes=common.asked(values, [*fields, *common.DATA, "seed", "precision"]),
        strategy=strategy,
        jit_compile=values.jit_compile,
    )


if __name__ == "__main__":
    common.main(train, common.define_train, __doc__ + "\n")
