"""Writes vectors of images: python run_embed.py --img_model=keras:ResNet50 --images=FOLDER"""

import sys

from flags import common, quiet
from tfhash import backbones, config, settings
from tfhash.embedding import embed
from tfhash.embedding.settings import Embed
from tfhash.training import interrupts


def write(line):
    """Runs the command with its command line."""
    kinds = (Embed, settings.Data, settings.Devices)
    known = [name for kind in kinds for name in config.names(kind)]
    settings.check_names(line.given, [*known, "model"])
    asked, options, devices = (kind.of(line.given) for kind in kinds)
    if asked.img_model:
        backbones.checked(asked.img_model)
    quiet.start_tensorflow()
    with interrupts.caught(say=lambda text: print(text, flush=True)) as interrupted:
        interrupted.doing = "the batch of images at hand"
        paths = embed.run(
            asked,
            options,
            devices,
            model=line.given.get("model", ""),
            given="data_dir" in line.given,
            interrupted=interrupted,
        )
    for path in paths:
        print(f"wrote {path}")
    if interrupted:
        sys.exit(interrupted.status)


if __name__ == "__main__":
    common.main(write, common.EMBED, __doc__ + "\n")
