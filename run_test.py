"""Tests a model: python run_test.py --model=models/48bits"""

import os

from flags import common, quiet
from tfhash import config, contents, locks, model_dir, originals, settings
from tfhash.evaluation import results
from tfhash.training import distribution, runs


def test(line):
    """Runs the command with its command line."""
    asked = settings.Test.of(line.given)
    devices, step = settings.Devices.of(line.given), asked.step()
    settings.check_dataset(line.given.get("dataset", "auto"), line.method)
    path = line.given.get("model") or default_model(line)
    model_dir.check_there(path)
    aside = {"model", "save_dir"} | set(
        config.names(settings.Test) + config.names(settings.Devices)
    )
    quiet.start_tensorflow()
    run = runs.open_trained(
        path,
        method=line.method,
        given={name: value for name, value in line.given.items() if name not in aside},
        step=step,
        strategy=distribution.strategy(devices.gpus, devices.virtual_devices),
        start_from=asked.start_from,
    )
    report(run, asked, asked.report or report_folder(path))
    if asked.save_original:
        originals.write(run.model.recipe, asked.save_original)
        print(f"wrote {asked.save_original}")


def report(run, asked, folder):
    """Tests a `Run` as a `Test` asks, and writes what it found into a folder."""
    with locks.held(folder):
        contents.sweep_report(folder)
        result = results.evaluate(
            run.model, run.splits, batch_size=asked.encode_batch, scoring=asked.scoring()
        )
        for name, value in results.table(result).items():
            shown = f"{value:.5f}" if isinstance(value, float) else value
            print(f"{name:>24}  {shown}")
        for written in results.write(result, folder, seed=asked.seed, codes=asked.save_codes):
            print(f"wrote {written}")
        runs.write_left_out(run.splits, folder)


def default_model(line):
    """The directory that run_train.py with the same flags makes."""
    if line.method is None:
        raise ValueError("Expected --model=models/NAME or --model=NAME.ckpt. Received none.")
    known = ["bits", *config.names(settings.Data), *config.names(settings.Run)]
    names = {*known, *config.names(settings.methods.load(line.method).Config)}
    given = {name: value for name, value in line.given.items() if name in names}
    return settings.settle(line.method, given).model


def report_folder(model):
    """MODEL/report for a model directory, report/NAME here for a file of an original."""
    if os.path.isdir(model):
        return os.path.join(model, "report")
    return os.path.join("report", os.path.basename(model).split(".ckpt")[0])


if __name__ == "__main__":
    common.main(test, common.TEST, __doc__ + "\n")
