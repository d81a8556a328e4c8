"""Deep visual-semantic quantization: outputs near the word vectors of their labels.

Reference: Cao et al., CVPR 2017. Original: thulab/DeepHash, model/dvsq/.
"""

import dataclasses

import keras
import tensorflow as tf

from tfhash import checks
from tfhash.data import word_vectors
from tfhash.losses import margin, reconstruction
from tfhash.methods import _composite, _deephash

SOFT, FIXED = "cos_softmargin_multi_label", "cos_margin_multi_label"


@dataclasses.dataclass(frozen=True)
class Config(_composite.Quantizer, _deephash.IterationConfig):
    """Settings; the defaults are those of the original's examples/dvsq/."""

    output_dim: int = 300  # as wide as a word vector
    batch_size: int = 256
    val_batch_size: int = 100
    learning_rate: float = 0.02
    decay_step: int = 500
    decay_factor: float = 0.5
    iter_num: int = 5000
    loss_type: str = SOFT  # margins by the word vectors, or margin_param: FIXED
    margin_param: float = 0.7  # of the fixed margin, as a difference of cosines
    wordvec_dict: str = ""  # text file of one word vector per class, or "orthogonal"
    word_vectors: str = ""  # file of word2vec or GloVe that has the words of class_names
    class_names: str = ""  # names parted by commas, or a file of one per line

    def __post_init__(self):
        super().__post_init__()
        checks.at_least(self, 0, "margin_param")
        if self.loss_type not in (SOFT, FIXED):
            raise ValueError(
                f"Expected `loss_type` to be {SOFT!r} or {FIXED!r}. Received: {self.loss_type!r}."
            )


class Method(_composite.ScheduledMethod):
    """DVSQ: a margin loss against the word vectors, codes by the products with them.

    The word vectors belong to the model: their files are read once, when a training starts.
    """

    name = "dvsq"
    dataset_defaults = {
        "digits": _deephash.DIGITS
        | {"output_dim": 64, "n_subcenter": 32, "wordvec_dict": word_vectors.ORTHOGONAL}
    }

    def build_weights(self):
        shape = (self.num_classes, self.config.output_dim)
        wide = keras.DTypePolicy(self.dtype).variable_dtype
        words = keras.Variable(
            keras.initializers.Zeros(), shape=shape, dtype=wide, trainable=False,
            name="word_vectors",
        )  # fmt: skip
        return super().build_weights() | {"word_vectors": words}

    def steps_per_epoch(self, train):
        self.word_vectors()  # an error of theirs comes before anything is written
        return super().steps_per_epoch(train)

    def build_state(self, train):
        self.word_vectors()
        return super().build_state(train)

    def word_vectors(self):
        """`[classes, dim]` float32; reads them where they are not known yet.

        Raises:
            ValueError: no file of them was given, or it does not fit; says what to give.
        """
        variable = self.weights["word_vectors"]
        if not variable.numpy().any():
            variable.assign(self._read_word_vectors())
        return variable.numpy()

    def _read_word_vectors(self):
        config, size = self.config, {"classes": self.num_classes, "dim": self.config.output_dim}
        if config.wordvec_dict == word_vectors.ORTHOGONAL:
            return word_vectors.orthogonal(**size)
        if config.wordvec_dict:
            return word_vectors.read_table(config.wordvec_dict, **size)
        if not config.word_vectors or not config.class_names:
            raise ValueError(
                f"Expected a word vector of each of the {self.num_classes} classes. Received none. "
                "Give --wordvec_dict=FILE (a row of numbers per class), or --word_vectors=FILE of "
                "word2vec or GloVe with --class_names=a,b,..., or --wordvec_dict=orthogonal."
            )
        names = word_vectors.names_of(config.class_names)
        if len(names) != self.num_classes:
            raise ValueError(
                f"Expected {self.num_classes} names in `class_names`, one per class. "
                f"Received: {len(names)}."
            )
        return word_vectors.of_names(config.word_vectors, names, dim=config.output_dim)

    def losses(self, outputs, batch):
        u, labels = outputs["images"], batch.labels["images"]
        words = tf.cast(self.weights["word_vectors"], u.dtype)
        if self.config.loss_type == SOFT:
            cosines = margin.soft_margin(u, labels, words)
        else:
            cosines = margin.fixed_margin(u, labels, words, margin=self.config.margin_param)
        decoded = self.decoded(u, batch.positions["images"])
        error = reconstruction.squared_error(u, decoded, word_vectors=words)
        weight = tf.cast(self.state["cq_lambda"], u.dtype)
        return {"semantics": cosines, "quantization": weight * error}

    def update(self, outputs, number):
        """Codes and centres in turns; the first time from centres by k-means."""
        seed = (self.seed, number)
        if number == 1:
            centers = self.initial_centers(outputs, seed=seed)
        else:
            centers = self.weights["C"].numpy()
        return self.fit(outputs, centers, seed=seed)
