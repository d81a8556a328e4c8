"""Flags of HashNet. They mirror thuml/HashNet, pytorch/src/train.py and test.py."""

ALIASES = {
    "hash_bit": "bits",
    "net": "img_model",
    "lr": "learning_rate",
    "class_num": "similar_weight",
    "gpu_id": "gpus",
}
IGNORED = dict.fromkeys(("l_weight", "q_weight"), "the original does not read it either.")


def translate(given, training):
    """Refuses what a validation within a training would suffer from."""
    if training and given.get("encode_in_training_mode"):
        # A validation would move the statistics of the network that is being trained.
        raise ValueError("Expected --encode_in_training_mode in run_test.py only.")
    return given
