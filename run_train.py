"""Trains a method: python run_train.py --method=gpq --num_codebooks=12"""

import sys

from flags import common, quiet
from tfhash import settings
from tfhash.training import interrupts, sessions


def train(line):
    """Runs the command with its command line."""
    wanted = settings.settle(line.method, line.given)
    sessions.check(wanted)
    quiet.start_tensorflow()
    with interrupts.caught(say=lambda text: print(text, flush=True)) as interrupted:
        sessions.train(wanted, line.given, interrupted=interrupted)
    if interrupted:
        sys.exit(interrupted.status)


if __name__ == "__main__":
    common.main(train, common.TRAIN, __doc__ + "\n")
