"""What is embedded, by what, and how it is written."""

import dataclasses

from tfhash import config as fields
from tfhash.config import setting
from tfhash.settings import PRECISIONS

DTYPES = ("float32", "float16")
RANDOM = "random"  # as --pretrained: weights as they are drawn


@dataclasses.dataclass(frozen=True)
class Embed(fields.Checked):
    """Settings of run_embed.py beside those of the images and of the devices."""

    img_model: str = setting(
        "",
        "Backbone whose features are the vectors, such as keras:ResNet50 or keras_hub:FOLDER; or "
        "give --model.",
    )
    model: str = setting(
        "",
        "Trained model whose outputs are the vectors: a model directory, or a file of an original, "
        "maybe with --method; in place of --img_model.",
    )
    images: str = setting(
        "",
        "A folder, a text file of paths (with labels or without), or a dataset by its name, as "
        "digits or folder:PATH.",
    )
    out: str = setting(
        "embeddings/vectors.npy",
        "The .npy file to write, in a folder of its own: labels.npy, ids.txt and split.npy go "
        "beside it, where there are labels and parts.",
    )
    dtype: str = setting("float32", "Of the numbers that are written.", choices=DTYPES)
    views: int = setting(
        0, "Write so many views of each image, augmented at random: [n, views, width].", least=0
    )
    crop_share: float = setting(
        0.2,
        "Smallest share of an image's area in a view, for --img_model; a model augments as in "
        "its training.",
        over=0,
        most=1,
    )
    encode_batch: int = setting(64, "Images embedded at once.", least=1)
    precision: str = setting("float32", "Arithmetic of a backbone.", choices=PRECISIONS)
    pretrained: str = setting(
        "",
        "Weights of the backbone, as run_train.py takes them: a file, imagenet for keras:NAME, "
        f"keras; or {RANDOM}.",
    )
    overwrite: bool = setting(False, "Replace vectors that are there.")
