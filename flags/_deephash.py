"""Flags that the methods of thulab/DeepHash share, by the names of their scripts."""

from absl import flags as absl_flags

from flags import common

ALIASES = {
    "lr": "learning_rate",
    "b": "batch_size",
    "vb": "val_batch_size",
    "gpu": "gpus",
    "data_root": "data_dir",
    "e": "evaluate",
    "label_dim": "num_classes",
    "img_tr": "train_file",
    "img_te": "query_file",
    "img_db": "database_file",
}
QUANTIZER_ALIASES = {
    "subspace": "n_subspace",
    "subspace_num": "n_subspace",
    "subcenter": "n_subcenter",
    "max_iter": "iter_num",
    "learning_rate_decay_factor": "decay_factor",
}
IGNORED = {
    "log_dir": "the logs are in MODEL/tensorboard.",
    "device": "--gpus names the devices.",
}
QUANTIZER_IGNORED = IGNORED | {
    "code_batch_size": "codes are made in blocks of a fixed size, which does not change them."
}


def positional(fifth):
    """What the script of DHN, DQN or DVSQ takes by its order; the fifth differs."""
    before = ("lr", "output_dim", "iter_num", "cq_lambda")
    return (*before, fifth, "dataset", "gpu", "log_dir", "data_root")


def define(values):
    """Adds the flags of the scripts that are no settings."""
    weights = "pretrained" if "pretrained" in values else "model"
    absl_flags.DEFINE_alias("model_weights", weights, flag_values=values)
    absl_flags.DEFINE_flag(_Opposite("without_tanh", "with_tanh", values), values)
    if "save_dir" not in values:
        common.define(values, "save_dir", None, "Folder of the model directory.", str)
    common.define(values, "evaluate", False, "Only test: what run_test.py does.")


def translate(given, training):
    """What the flags stand for."""
    aside = ("evaluate", "model_weights", "without_tanh")
    if training and given.get("evaluate"):
        raise ValueError("`--evaluate` asks for a test. Use run_test.py --model=models/NAME.")
    return {name: value for name, value in given.items() if name not in aside}


class _Opposite(absl_flags.BooleanFlag):
    """A switch that turns another one off."""

    def __init__(self, name, target, values):
        super().__init__(name, False, f"The opposite of --{target}.")
        self.target = values[target]

    def parse(self, argument):
        super().parse(argument)
        self.target.parse(not self.value)
