"""Runs small trainings in processes of their own, ends them, goes on with them, and compares."""

import json
import os
import pathlib
import random
import re
import sys
import time
import typing

from benchmarks.killing import aims

# Settings of a training of seconds, where a method has them.
SMALL = {
    "img_model": "tiny",
    "batch_size": 20,
    "epochs": 3,
    "iter_num": 9,
    "iterations_per_epoch": 3,
    "save_every": 2,
    "output_dim": 16,
    "bits": 16,
    "image_size": 16,
    "resize_size": 0,
    "crop_size": 14,
    "learning_rate": 0.01,
    "finetune_all": True,
    "num_codebooks": 4,
    "n_subspace": 2,
    "n_subcenter": 8,
    "buckets": 16,
    "active": 2,
    "scale_step": 2,
    "n_part": 4,
    "triplet_thresold": 64000,
    "wordvec_dict": "orthogonal",
    "stage": "hash",
}
SHARED = ("--dataset=digits", "--steps_per_epoch=3", "--validate_every=1", "--model=m")
LOG = "log.txt"
LEFTOVER = re.compile(r"\..*|ckpt-\d+_temp|checkpoint\.tmp.*")
TRIES = 5  # to hit a training at random before it has ended


class Unbroken(typing.NamedTuple):
    """What a training that nobody interrupted has made and taken."""

    made: dict
    counts: dict
    seconds: float


def prepare():
    """Imports all that a training needs, once, for the processes that are forked of this one."""
    import cv2  # noqa: F401
    import faiss  # noqa: F401
    import sklearn.datasets  # noqa: F401
    import sklearn.model_selection  # noqa: F401
    import tensorboard.backend.event_processing.event_accumulator  # noqa: F401

    import run_test  # noqa: F401
    import run_train  # noqa: F401


def command(method):
    """The arguments of run_train.py for a small training of a method."""
    from tfhash import config, methods

    known = config.names(methods.load(method).Config)
    own = [f"--{name}={value}" for name, value in SMALL.items() if name in known]
    return [f"--method={method}", *SHARED, *own]


def started(folder, arguments, strikes=None, script="run_train"):
    """Forks a process that runs a script in a folder; its number."""
    child = os.fork()
    if child:
        return child
    try:
        os.chdir(folder)
        log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(log, 1)
        os.dup2(log, 2)
        _run(script, arguments, strikes or aims.Strikes())
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    os._exit(1)


def _run(script, arguments, strikes):
    """Runs the command and ends the process as it does."""
    import run_test
    import run_train
    from flags import common
    from tfhash import methods

    sys.argv = [f"{script}.py", *arguments]
    status = 0
    try:
        if script == "run_test":
            common.main(run_test.test, common.TEST, "")
        else:
            name = arguments[0].removeprefix("--method=")
            strikes.install(methods.load(name).Method)
            common.main(run_train.train, common.TRAIN, "")
    except SystemExit as stop:
        status = stop.code or 0
    pathlib.Path("counts.json").write_text(json.dumps(strikes.counts))
    sys.stdout.flush()
    os._exit(status)


def ended(child):
    """Waits for a process: its exit status, under 0 for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def unbroken(folder, method):
    """Trains without an interruption; an `Unbroken`."""
    begin = time.perf_counter()
    status = ended(started(folder, command(method)))
    if status:
        raise RuntimeError(f"The training of {method} fails: {_last_line(folder)}")
    counts = json.loads((folder / "counts.json").read_text())
    return Unbroken(made(folder), counts, time.perf_counter() - begin)


def broken(folder, method, aim, whole, rng):
    """Trains, strikes once, and goes on; what differs from the `Unbroken`, "" for nothing."""
    for _ in range(TRIES):
        status = _strike(folder, method, aim, whole, rng)
        if status:
            break
    if status not in (-aim.signal, 128 + aim.signal):
        return f"ends with {status}: {_last_line(folder)}"
    again = ["--resume"] if (folder / "m").exists() else []
    status = ended(started(folder, [*command(method), *again]))
    if status:
        return f"lost: {_last_line(folder)}"
    found = made(folder)
    return "; ".join(name for name in whole.made if found[name] != whole.made[name])


def _strike(folder, method, aim, whole, rng):
    """Trains in an empty folder until it is struck; the exit status."""
    _empty(folder)
    if aim.place != aims.RANDOM:
        aim = aim._replace(number=rng.randint(1, whole.counts[aim.place]))
        return ended(started(folder, command(method), aims.Strikes(aim)))
    child = started(folder, command(method))
    time.sleep(rng.uniform(0, whole.seconds))
    if os.waitpid(child, os.WNOHANG)[0]:
        return 0
    os.kill(child, aim.signal)
    return ended(child)


def _empty(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def _last_line(folder):
    lines = (folder / LOG).read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "nothing was shown"


def made(folder):
    """`{what: value}` of all model directories in a folder, to be compared."""
    found = {"leftovers": sorted(_leftovers(folder))}
    for path in sorted(folder.glob("*/manifest.json")):
        name, home = path.parent.name, path.parent
        found[f"weights of {name}"] = (home / "weights.safetensors").read_bytes()
        lines = (home / "history.jsonl").read_text().splitlines()
        found[f"history of {name}"] = [json.loads(line)["step"] for line in lines]
        found[f"events of {name}"] = _steps_shown(home / "tensorboard")
    return found


def _leftovers(folder):
    for home, folders, names in os.walk(folder):
        yield from (name for name in (*folders, *names) if LEFTOVER.fullmatch(name))


def _steps_shown(folder):
    from tensorboard.backend.event_processing import event_accumulator

    events = event_accumulator.EventAccumulator(str(folder)).Reload()
    return [event.step for event in events.Tensors("losses/loss")]


def generator(seed, method, kind, number):
    """The random numbers of a case, whatever other cases there are."""
    return random.Random(f"{seed} {method} {kind} {number}")
