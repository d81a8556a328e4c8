"""Trainings and tests on a disk that is full at any write.

    python benchmarks/full_disk.py --count=12 --methods=gpq,hash_table

For each method a small training and its test run once with room, then on disks of other sizes, from
none to what they took. There they must end with one line that names a file, and with status 2; once
the disk has room, the same commands, with --resume where there is a model, must end with the same
weights to the last bit, the same history and metrics. Prints what became of each size; exits with 1
if one is not so. It mounts small disks in memory, so it needs Linux and root.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from absl import app, flags as absl_flags, logging  # noqa: E402, I001

from benchmarks.killing import cases  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_integer("count", 12, "Sizes of the disk for each method.", lower_bound=1)
absl_flags.DEFINE_list("methods", ["gpq"], "Names of methods; empty: all.")
ROOM = 2**28  # bytes of a disk that is large enough
MODEL, ERROR = "disk/m", "error: "
LONGEST = 600  # letters of a line that a user can read
RAW = ("Traceback", "{{", "[Op:", "tensorflow/")  # of what is not for a user


class Disk:
    """A disk in memory, mounted at a folder."""

    def __init__(self, path, size=ROOM):
        path.mkdir()
        self.path = path
        self._mount(size)

    def _mount(self, size, *more):
        options = ",".join((f"size={max(4096, size)}", *more))  # 0 would be no bound
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.path]
        subprocess.run(command, check=True, capture_output=True, text=True)

    def resize(self, size):
        """Gives the disk so many bytes, of which some may be taken."""
        self._mount(size, "remount")

    def taken(self):
        """Bytes."""
        stats = os.statvfs(self.path)
        return (stats.f_blocks - stats.f_bfree) * stats.f_frsize

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.path], check=True)
        self.path.rmdir()


def main(_):
    logging.set_verbosity(logging.WARNING)
    cases.prepare()
    from tfhash import methods

    failed = False
    print(f"{'method':12}{'KiB':>8}  outcome")
    for method in FLAGS.methods or methods.names():
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"full-{method}-"))
        try:
            for size, outcome, right in run(folder, method):
                print(f"{method:12}{size // 1024:8}  {outcome}", flush=True)
                failed |= not right
        finally:
            shutil.rmtree(folder)
    return 1 if failed else 0


def run(folder, method):
    """Yields (bytes, what became of it, whether it is right) for each size of the disk."""
    with Disk(folder / "disk") as disk:
        status, line = commands(folder, method)
        if status:
            raise RuntimeError(f"The commands fail where there is room: {line}")
        whole, most = found(disk.path), disk.taken()
    for number in range(FLAGS.count):
        size = most * number // FLAGS.count
        with Disk(folder / "disk", size) as disk:
            status, line = commands(folder, method)
            wrong = complaint(status, line)
            disk.resize(ROOM)
            again = commands(folder, method)
            if again[0]:
                wrong = wrong or f"then, with room: {again[1]}"
            else:
                other = found(disk.path)
                different = [name for name in whole if other.get(name) != whole[name]]
                wrong = wrong or (f"then other: {', '.join(different)}" if different else "")
        yield size, f"WRONG: {wrong}" if wrong else line, not wrong


def complaint(status, line):
    """What is wrong with the end of a command on a full disk; "" for nothing."""
    if status != 2:
        return f"status {status}: {line}"
    bad = len(line) > LONGEST or any(word in line for word in RAW) or MODEL not in line
    return f"the line is {line}" if bad or not line.startswith(ERROR) else ""


def commands(folder, method):
    """Trains and tests: the status of the first that fails, and what it says in the end."""
    (folder / cases.LOG).unlink(missing_ok=True)
    train = [*cases.command(method), f"--model={MODEL}"]
    train += ["--resume"] if (folder / MODEL).exists() else []
    status = cases.ended(cases.started(folder, train))
    if not status:
        test = [f"--model={MODEL}", "--save_codes"]
        status = cases.ended(cases.started(folder, test, script="run_test"))
    return status, said(folder, status)


def said(folder, status):
    """The end of what a command has shown: all from its error on."""
    text = (folder / cases.LOG).read_text(errors="replace").strip()
    return text[text.find(ERROR) :] if status and ERROR in text else text.rpartition("\n")[2]


def found(disk):
    """What the two commands have made, to be compared."""
    metrics = disk / "m" / "report" / "metrics.json"
    return cases.made(disk) | {"metrics": metrics.read_bytes()}


if __name__ == "__main__":
    app.run(main)
