"""Trains a method: python run_train.py --method=gpq --num_codebooks=12"""

import dataclasses
import os

from flags import common
from tfhash import callbacks, data, distribute, experiment, methods


def train(values, module):
    """Runs the command with its flags."""
    if module is None:
        raise ValueError(f"Expected --method to be one of {methods.names()}. Received none.")
    strategy = distribute.strategy(values.gpus, values.virtual_devices)
    replicas = strategy.num_replicas_in_sync
    print(f"devices: {', '.join(strategy.extended.worker_devices)} ({replicas} replicas)"
          if replicas > 1 else f"device: {strategy.extended.worker_devices[0]}")  # fmt: skip
    run = (resume if values.resume else start)(values, module, strategy)
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
        print(f"\nStopped and saved at step {run.hasher.step}. Go on with --resume.")
        raise
    print(f"Trained {run.hasher.step} steps. Test: python run_test.py --model={path}")


def start(values, module, strategy):
    """Starts a run by the flags."""
    dataset, note = data.resolve(values.dataset, values.data_dir)
    method = methods.load(values.method).Method
    for name, value in method.dataset_defaults.get(dataset, {}).items():
        if not common.given(values, name):
            values[name].value = value
            print(f"  --{name}={value}, since the dataset is {dataset}")
    if dataset == values.dataset:
        note = data.resolve(dataset, values.data_dir)[1]  # in the method's own folder for it
    print(note)
    config = module.config(values)
    return experiment.start(
        values.method,
        config,
        experiment.DataOptions(
            **common.values_of(values, common.DATA) | {"dataset": dataset, "seed": values.seed}
        ),
        values.model or os.path.join("models", method.model_name(config)),
        strategy=strategy,
        **common.values_of(values, common.START),
    )


def resume(values, module, strategy):
    """Goes on with a run."""
    config = module.config(values)
    fields = [field.name for field in dataclasses.fields(config)]
    return experiment.resume(
        values.model
        or os.path.join("models", methods.load(values.method).Method.model_name(config)),
        method=values.method,
        changes=common.asked(values, [*fields, *common.DATA, "seed", "precision"]),
        strategy=strategy,
        jit_compile=values.jit_compile,
    )


if __name__ == "__main__":
    common.main(train, common.define_train, __doc__ + "\n")
