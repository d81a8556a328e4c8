"""Tests a model: python run_test.py --model=models/48bits"""

import dataclasses
import os

from flags import common
from tfhash import methods
from tfhash.evaluation import results
from tfhash.training import distribution, runs


def test(values, module):
    """Runs the command with its flags."""
    strategy = distribution.strategy(values.gpus, values.virtual_devices)
    path = values.model or default_model(values, module)
    fields = [field.name for field in dataclasses.fields(module.Config)] if module else []
    run = runs.open_trained(
        path,
        method=values.method,
        changes=common.asked(values, fields),
        data_changes=common.asked(values, common.DATA),
        step=common.step_of(values.snapshot),
        strategy=strategy,
    )
    result = results.evaluate(
        run.hasher,
        run.splits,
        batch_size=values.encode_batch,
        scoring=common.scoring_of(values),
    )
    for name, value in results.table(result).items():
        print(f"{name:>24}  {value:.5f}" if isinstance(value, float) else f"{name:>24}  {value}")
    folder = values.report or report_folder(path)
    for written in results.write(result, folder, seed=values.seed, codes=values.save_codes):
        print(f"wrote {written}")
    runs.write_left_out(run.splits, folder)
    if values.save_original:
        run.hasher.method.save_original(values.save_original)
        print(f"wrote {values.save_original}")


def default_model(values, module):
    """The directory that run_train.py with the same flags makes."""
    if module is None:
        raise ValueError("Expected --model=models/NAME or --model=NAME.ckpt. Received none.")
    dataset = values.dataset
    config, _ = common.settle(values, module)
    values["dataset"].value = dataset
    return os.path.join("models", methods.load(values.method).Method.model_name(config))


def report_folder(model):
    """MODEL/report for a model directory, report/NAME here for a file of an original."""
    if os.path.isdir(model):
        return os.path.join(model, "report")
    return os.path.join("report", os.path.basename(model).split(".ckpt")[0])


if __name__ == "__main__":
    common.main(test, common.define_test, __doc__ + "\n")
