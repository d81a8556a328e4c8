"""Flags of the hash table method. They mirror maestrojeong/Deep-Hash-Table-ICML18:
cifar_exps and imagenet_exps, metric/train_metric.py and exp1/train_hash.py."""

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
    "gpu": "gpus",
    "metric_model": "start_from",
}
NETWORKS = {"conv1": "nin"}  # the original's names


def translate(given, training):
    """A side of 0 is the default; networks have our names."""
    given = dict(given)
    if given.get("image_size") == 0:
        del given["image_size"]
    if "img_model" in given:
        given["img_model"] = NETWORKS.get(given["img_model"], given["img_model"])
    return given
