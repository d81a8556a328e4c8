"""Plants a bug into the training step, and shows which tests of trajectories see it.

    python benchmarks/planted.py --bugs="a sign" --tests=tests/methods/test_gpq.py

A tolerance that holds on every processor must still tell a bug from rounding. For each bug the
tests that repeat the steps of an original run in a process of their own. Prints, for each
trajectory, how many of its tests fail; exits with 1 if there is a trajectory where none does.
"""

import collections
import contextlib
import functools
import io
import multiprocessing
import os
import sys
import typing

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir)
sys.path.insert(0, ROOT)

import pytest  # noqa: E402, I001
from absl import app, flags as absl_flags  # noqa: E402

from tfhash.lazy import tf  # noqa: E402

FLAGS = absl_flags.FLAGS


class Tests(typing.NamedTuple):
    """Of one file: words of their names, and whether each case is a trajectory of its own."""

    words: str
    by_case: bool = True


TESTS = {
    "tests/methods/test_gpq.py": Tests("of_ten_steps or a_step or after_ten", by_case=False),
    "tests/methods/test_deephash_steps.py": Tests("ten_steps"),
    "tests/methods/test_hash_table_steps.py": Tests("losses or buckets or gradients or updates"),
    "tests/methods/test_latent_steps.py": Tests("ten_steps or moved", by_case=False),
    "tests/methods/test_hashnet_steps.py": Tests("ten_steps or moved"),
}


def weight_off(step):
    """One weight of 17 of the last kernel, of every column, is larger by 1 %."""
    kernel = [v for v in step.variables if v.path.endswith("kernel")][-1]
    values = kernel.numpy()
    values.reshape(-1)[::17] *= 1.01
    kernel.assign(values)


def sign(step):
    """The last kernel goes against its gradient."""
    apply = step.optimizer.apply
    last = max(n for n, v in enumerate(step.variables) if v.path.endswith("kernel"))

    def applied(gradients, variables):
        return apply([-g if n == last else g for n, g in enumerate(gradients)], variables)

    step.optimizer.apply = applied


def term(step, factor):
    """The last term of the loss that is not 0 is `factor` of what it is."""
    losses = step.recipe.losses

    def planted(*given):
        found, done = losses(*given), False
        for name, value in reversed(found.items()):
            here = tf.logical_and(tf.not_equal(value, 0), tf.logical_not(done))
            found[name] = value * tf.where(here, tf.cast(factor, value.dtype), 1)
            done = tf.logical_or(done, here)
        return found

    step.recipe.losses = planted


BUGS = {
    "a weight off by 1 %": weight_off,
    "a sign": sign,
    "a term missing": functools.partial(term, factor=0),
    "a term off by 1 %": functools.partial(term, factor=1.01),
}
absl_flags.DEFINE_list("bugs", list(BUGS), "Bugs that are planted.")
absl_flags.DEFINE_list("tests", list(TESTS), "Files of tests.")


class Recorder:
    """Plants a bug into every `Step`, and counts the tests of each trajectory that fail."""

    def __init__(self, bug, by_case):
        self.bug, self.by_case = bug, by_case
        self.failed, self.total = collections.Counter(), collections.Counter()

    def pytest_sessionstart(self):
        from tfhash.training import step

        build = step.Step.__init__

        def built(one, *given, **options):
            build(one, *given, **options)
            BUGS[self.bug](one)

        step.Step.__init__ = built

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and not report.skipped:
            file, *_, test = report.nodeid.split("::")
            name, _, case = test.rstrip("]").partition("[")
            trajectory = (case or name) if self.by_case else file
            self.total[trajectory] += 1
            self.failed[trajectory] += report.failed


def run(bug, file):
    """`{trajectory: (tests that fail, tests)}`, of a file of tests with a bug planted."""
    recorder = Recorder(bug, TESTS[file].by_case)
    options = ["-p", "no:cacheprovider", "--tb=no", "-k", TESTS[file].words]
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*options, file], plugins=[recorder])
    if not recorder.total:
        raise RuntimeError(f"Expected tests of trajectories in {file}. None ran.")
    return {name: (recorder.failed[name], n) for name, n in recorder.total.items()}


def main(_):
    os.chdir(ROOT)
    os.environ["TFHASH_LONG_TESTS"] = "1"
    print(f"{'trajectory: tests that fail':48}" + "".join(f"{bug:>22}" for bug in FLAGS.bugs))
    unseen = 0
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for file in FLAGS.tests:
            found = [pool.apply(run, (bug, file)) for bug in FLAGS.bugs]
            for name in found[0]:
                counts = [one[name] for one in found]
                cells = "".join(f"{f'{failed} of {n}':>22}" for failed, n in counts)
                print(f"{name:48}{cells}", flush=True)
                unseen += sum(not failed for failed, _ in counts)
    print(f"{unseen} not seen")
    return 1 if unseen else 0


if __name__ == "__main__":
    app.run(main)
