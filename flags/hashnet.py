"""Flags of HashNet. They mirror thuml/HashNet, pytorch/src/train.py and test.py."""

from flags import common
from tfhash.methods.hashnet import SCHEDULES, Config

ALIASES = {
    "hash_bit": "bits",
    "net": "img_model",
    "lr": "learning_rate",
    "class_num": "similar_weight",
}
TEXTS = {
    "bits": "Length of a code in bits.",
    "img_model": "Backbone: AlexNet, VGG11 to VGG19 (VGG11BN: with batch normalisation), ResNet18 "
    "to ResNet152, or any other backbone.",
    "prefix": "Start of the name of the model directory.",
    "similar_weight": "Weight of a pair of images that share a class.",
    "balanced": "Similar pairs and others count alike, whatever their numbers.",
    "sigmoid_factor": "Divided by the bits: factor on inner products in the loss.",
    "l_threshold": "Product from which the loss is linear.",
    "learning_rate": "Of the backbone; the last layer learns ten times as fast.",
    "lr_type": f"Schedule of the learning rate: {', '.join(SCHEDULES)}.",
    "lr_gamma": "Factor of the schedule step; slope of inv.",
    "lr_step": "Iterations between two changes of step; of an epoch of multistep, which falls to "
    "a tenth at epochs 80 and 120.",
    "lr_power": "Exponent of the schedule inv.",
    "weight_decay": "Times every variable, added to its gradient.",
    "epochs": "Length of the training in units of iterations_per_epoch.",
    "iterations_per_epoch": "Steps of such a unit; no pass over the data.",
    "save_every": "Epochs between two saved states.",
    "batch_size": "Images of each of the two streams.",
    "scale_step": "Iterations between two changes of the scale before tanh.",
    "scale_gamma": "The scale is (1 + scale_gamma * iteration) ** scale_power.",
    "scale_power": "Exponent of the scale.",
    "resize_size": "Side in pixels that images are resized to; 0: the dataset's own.",
    "crop_size": "Side in pixels of what the network sees.",
    "crop_share": "Smallest share of an image's area in a training crop.",
    "flip": "Mirror half of the training images, drawn at random.",
    "resample": "Filter of the resize: nearest (when the code was published), bicubic (Pillow's "
    "default since), bilinear.",
    "test_10crop": "Average the outputs of ten crops in a test.",
    "encode_in_training_mode": "Test with batch statistics and dropout, as the original does.",
}


def define(values):
    """Adds the flags to `values`."""
    common.define_config(values, Config(), TEXTS, ALIASES)
    common.absl_flags.DEFINE_alias("gpu_id", "gpus", flag_values=values)


def config(values):
    """The `Config` that the flags give."""
    if "pretrained" in values and values.encode_in_training_mode:
        # A validation would move the statistics of the network that is being trained.
        raise ValueError("Expected --encode_in_training_mode in run_test.py only.")
    return common.config_of(values, Config)
