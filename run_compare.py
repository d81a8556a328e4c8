"""Compares methods: python run_compare.py --methods=itq,pq,dch --bits=16,32 --dataset=digits"""

import functools
import sys

from flags import common, quiet
from tfhash import config, locks
from tfhash.comparison import compare as comparison
from tfhash.comparison.settings import Compare, cells
from tfhash.training import interrupts


def compare(line):
    """Trains and tests what is not there yet, and shows the table of it all."""
    asked = Compare.of(line.given)
    given = {name: v for name, v in line.given.items() if name not in config.names(Compare)}
    cells(asked, given)  # an error of the line comes before TensorFlow
    quiet.start_tensorflow()
    say = functools.partial(print, flush=True)
    with locks.held(asked.out), interrupts.caught(say=say) as interrupted:
        paths = comparison.compare(asked, given, interrupted=interrupted)
    for path in paths:
        print(f"wrote {path}")
    if interrupted:
        sys.exit(interrupted.status)
    print("\n" + paths[0].read_text(), end="")


if __name__ == "__main__":
    common.main(compare, common.COMPARE, __doc__ + "\n")
