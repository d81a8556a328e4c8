"""Flags of the hash table method. They mirror maestrojeong/Deep-Hash-Table-ICML18:
cifar_exps and imagenet_exps, metric/train_metric.py and exp1/train_hash.py."""

import dataclasses

from flags import common
from tfhash.methods.hash_table import Config

ALIASES = {
    "nbatch": "batch_size",
    "nsclass": "batch_classes",
    "epoch": "epochs",
    "conv": "img_model",
    "ltype": "loss",
    "m": "embedding_dim",
    "lamb": "length_weight",
    "ma": "margin",
    "dtype": "decay",
    "dptype": "decay_rates",
    "d": "buckets",
    "k": "active",
    "hltype": "hash_loss",
    "hdt": "hash_distance",
    "plamb": "pair_cost",
    "hlamb": "hash_length_weight",
    "hma": "hash_margin",
    "hdtype": "hash_decay",
    "hdptype": "hash_decay_rates",
}
TEXTS = {
    "stage": "metric trains an embedding; hash trains buckets from a model of the metric stage.",
    "batch_size": "Images of a step; with npair half of them are anchors, half positives.",
    "batch_classes": "Classes of a batch with triplet; npair takes one for each anchor.",
    "epochs": "Passes over as many images as the training has.",
    "save_every": "Epochs between two validations and saved states.",
    "img_model": "Backbone: nin or conv1 (the original's), or another.",
    "loss": "Of the metric stage: npair or triplet.",
    "embedding_dim": "Width of the embedding; in the hash stage it is the number of buckets.",
    "length_weight": "Weight of the squared lengths, npair of the metric stage.",
    "margin": "Of triplets of the metric stage, in squared distances of unit vectors.",
    "decay": "Learning rate of the metric stage: stair or piecewise.",
    "decay_rates": "Its steps by a letter and its rates by a number: a1 to a5, b1 to b5.",
    "buckets": "Buckets of the hash table.",
    "active": "Buckets that an item lies in.",
    "hash_loss": "Of the hash stage: npair or triplet.",
    "hash_distance": "h1 (inner products; for triplet L1) or h2 (negative L1).",
    "pair_cost": "Cost of two classes of a batch in one bucket.",
    "hash_length_weight": "Weight of the squared lengths, npair of the hash stage.",
    "hash_margin": "Of triplets of the hash stage, in L1 distances.",
    "hash_decay": "Learning rate of the hash stage: stair or piecewise.",
    "hash_decay_rates": "As decay_rates, of the hash stage.",
    "hash_std": "Of the new layer's normal initial weights; 0: Xavier's uniform ones.",
    "flip": "Mirror half of the training batches.",
    "crop_padding": "Pixels of zeros around a training image before it is cropped at random.",
    "augment_per_image": "Draw flip and crop for each image, not for a whole batch.",
    "two_passes": "Choose the buckets by a pass of its own with other crops and dropout.",
    "test_train": "Test against the database too, not only queries against each other.",
}


def define(values):
    """Adds the flags to `values`."""
    common.define_config(values, Config(), TEXTS, ALIASES)
    common.absl_flags.DEFINE_alias("gpu", "gpus", flag_values=values)
    if "start_from" in values:
        common.absl_flags.DEFINE_alias("metric_model", "start_from", flag_values=values)


def config(values):
    """The `Config` that the flags give."""
    fields = {field.name: values[field.name].value for field in dataclasses.fields(Config)}
    fields["image_size"] = fields["image_size"] or Config().image_size
    if fields["img_model"] == "conv1":
        fields["img_model"] = values["img_model"].value = "nin"
    return Config(**fields)
