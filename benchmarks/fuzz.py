"""What the readers of files do with damaged and hostile ones.

    python benchmarks/fuzz.py --count=2000 --seed=0 --readers=pth,mat_weights

For each reader, valid files are damaged at random, and those made by hand to do harm are added.
Each is read in a process of its own. Allowed are a clean result and one line: a ValueError of one
line that names the file. Prints a table of what happened, and each case of the last four columns;
exits with 1 if there is one.
"""

import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from absl import app, flags as absl_flags, logging  # noqa: E402, I001

from benchmarks.fuzzing import cases, readers  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_integer("count", 2000, "Damaged files for each reader.", lower_bound=0)
absl_flags.DEFINE_integer("seed", 0, "Of the damages.")
absl_flags.DEFINE_list("readers", [], "Names of readers; default: all.")


def main(_):
    unknown = [name for name in FLAGS.readers if name not in readers.READERS]
    if unknown:
        raise app.UsageError(f"Expected --readers of {sorted(readers.READERS)}. Got: {unknown}.")
    logging.set_verbosity(logging.WARNING)  # FAISS says how it is loaded
    columns = (*cases.OUTCOMES, "peak MiB", "longest s")
    print(f"{'reader':15}" + "".join(f"{name:>12}" for name in columns))
    failed = []
    for name in FLAGS.readers or readers.READERS:
        folder = tempfile.mkdtemp(prefix=f"fuzz-{name}-")
        try:
            results = list(cases.run(readers.READERS[name], folder, FLAGS.count, FLAGS.seed))
        finally:
            shutil.rmtree(folder)
        counts = [sum(one.outcome == outcome for one in results) for outcome in cases.OUTCOMES]
        counts.append(max(one.memory for one in results))
        longest = max(one.seconds for one in results)
        print(f"{name:15}" + "".join(f"{n:12}" for n in counts) + f"{longest:12.1f}", flush=True)
        failed += [(name, one) for one in results if one.outcome not in cases.ALLOWED]
    for name, one in failed:
        print(f"{name}, {one.case}: {one.outcome}: {one.message}")
    return 1 if failed else 0


if __name__ == "__main__":
    app.run(main)
