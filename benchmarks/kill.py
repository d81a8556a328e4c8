"""Interrupts trainings at any moment, goes on with them, and compares the ends bit by bit.

    python benchmarks/kill.py --count=1 --seed=0 --methods=gpq,dtq --kinds="kill at random"

For each method a small training runs once without an interruption. Then one is ended, by SIGKILL,
SIGINT or SIGTERM, at random or at a certain place: with a temporary file there, between the weights
and the state, within the begin of an epoch ... It goes on with --resume, or begins anew where the
directory was not there yet. Weights must be the same to the last bit, the history and TensorBoard
must have each step once, and nothing may be left over. Prints how many of the cases of a method and
a kind end so, and what differs in the others; exits with 1 if there is one.
"""

import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from absl import app, flags as absl_flags, logging  # noqa: E402, I001

from benchmarks.killing import aims, cases  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_integer("count", 1, "Cases of each kind and method.", lower_bound=1)
absl_flags.DEFINE_integer("seed", 0, "Of the moments.")
absl_flags.DEFINE_list("methods", [], "Names of methods; default: all.")
absl_flags.DEFINE_string("kinds", "", "Kinds of interruption, parted by semicolons; default: all.")


def main(_):
    logging.set_verbosity(logging.WARNING)  # TensorBoard says what it reads
    cases.prepare()
    from tfhash import methods

    kinds = [kind.strip() for kind in FLAGS.kinds.split(";")] if FLAGS.kinds else list(aims.KINDS)
    unknown = set(kinds) - set(aims.KINDS)
    if unknown:
        raise app.UsageError(f"Expected --kinds of {list(aims.KINDS)}. Received: {unknown}.")
    for number, kind in enumerate(kinds):
        print(f"{number:3}  {kind}")
    print(f"\n{'identical':12}" + "".join(f"{number:>6}" for number in range(len(kinds))))
    failed, total = [], 0
    for method in FLAGS.methods or methods.names():
        found = run(method, kinds)
        cells = [f"{sum(not what for what in found[kind])}/{FLAGS.count}" for kind in kinds]
        print(f"{method:12}" + "".join(f"{cell:>6}" for cell in cells), flush=True)
        failed += [(method, kind, what) for kind in kinds for what in found[kind] if what]
        total += len(kinds) * FLAGS.count
    for method, kind, what in failed:
        print(f"{method}, {kind}: {what}")
    print(f"{total - len(failed)} of {total} identical")
    return 1 if failed else 0


def run(method, kinds):
    """`{kind: [what differs]}`; "" where nothing does."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"kill-{method}-"))
    try:
        whole, found = cases.unbroken(folder, method), {}
        for kind in kinds:
            draws = [cases.generator(FLAGS.seed, method, kind, n) for n in range(FLAGS.count)]
            found[kind] = [
                cases.broken(folder, method, aims.KINDS[kind], whole, rng) for rng in draws
            ]
        return found
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    app.run(main)
