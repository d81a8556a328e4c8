"""Writes vectors of images: python run_embed.py --img_model=keras:ResNet50 --images=FOLDER"""

import sys

from flags import common, quiet
from tfhash.embedding import embed
from tfhash.training import interrupts


def write(line):
    """Runs the command with its command line."""
    embed.settle(line.given)
    quiet.start_tensorflow()
    with interrupts.caught(say=lambda text: print(text, flush=True)) as interrupted:
        interrupted.doing = "the batch of images at hand"
        paths = embed.embed(method=line.method, interrupted=interrupted, **line.given)
    for path in paths:
        print(f"wrote {path}")
    if interrupted:
        sys.exit(interrupted.status)


if __name__ == "__main__":
    common.main(write, common.EMBED, __doc__ + "\n")
