"""Deep visual-semantic quantization: outputs near the word vectors of their labels.

Reference: Cao et al., CVPR 2017. Original: thulab/DeepHash, model/dvsq/.
"""

import dataclasses
import typing

from tfhash.config import setting
from tfhash.data import word_vectors
from tfhash.data.word_vectors import ORTHOGONAL
from tfhash.lazy import keras, tf
from tfhash.losses import margin, reconstruction
from tfhash.methods import _composite, _deephash

SOFT, FIXED = "cos_softmargin_multi_label", "cos_margin_multi_label"


@dataclasses.dataclass(frozen=True)
class Config(_composite.Config):
    """Settings; the defaults are those of the original's examples/dvsq/."""

    output_dim: int = setting(300, "Width of the outputs, that of a word vector.")
    batch_size: int = 256
    val_batch_size: int = 100
    learning_rate: float = 0.02
    decay_step: int = 500
    decay_factor: float = 0.5
    iter_num: int = _deephash.iterations(5000)
    loss_type: str = setting(
        SOFT,
        f"{SOFT}: margins by the word vectors; {FIXED}: --margin_param.",
        choices=(SOFT, FIXED),
    )
    margin_param: float = setting(0.7, "The fixed margin, as a difference of cosines.", least=0)
    wordvec_dict: str = setting(
        "",
        "Text file of the classes' word vectors, a row of numbers each in the order of the "
        "classes; or orthogonal, for vectors that only tell the classes apart. By default "
        "DATASET_wordvec.txt, where it lies beside the lists.",
    )
    word_vectors: str = setting(
        "",
        "Text or .bin file of word2vec or GloVe to look --class_names up in; with both of these "
        "--wordvec_dict is not read.",
    )
    class_names: str = setting(
        "",
        "Names of the classes in their order, parted by commas, or a file of one in each line. "
        "A name of several words (polar_bear) gets the mean of their vectors.",
    )

    datasets: typing.ClassVar[dict] = {
        "digits": _deephash.DIGITS
        | {"output_dim": 64, "n_subcenter": 32, "wordvec_dict": ORTHOGONAL},
        "embeddings": {"wordvec_dict": ORTHOGONAL, "output_dim": 64, "iter_num": 1000},
    }

    @classmethod
    def of_bits(cls, bits, values):
        # The width of the outputs stays that of the word vectors.
        return {"n_subspace": super().of_bits(bits, values)["n_subspace"]}


class Method(_deephash.Method):
    """DVSQ: a margin loss against the word vectors, codes by the products with them.

    The word vectors belong to the model: their files are read once, when a training starts.
    """

    def build_head(self):
        head = _composite.head(self, word_vectors=self.word_vectors)
        self.training = _composite.ScheduledCodes(head, self.config, self.update)
        self.hooks.append(self.training)
        return head

    def build_weights(self):
        shape = (self.num_classes, self.config.output_dim)
        options = {"dtype": self.wide, "trainable": False, "name": "word_vectors"}
        return {"word_vectors": keras.Variable(keras.initializers.Zeros(), shape=shape, **options)}

    def steps_per_epoch(self, train):
        self.word_vectors()  # an error of theirs comes before anything is written
        return super().steps_per_epoch(train)

    def word_vectors(self):
        """`[classes, dim]` float32; reads them where they are not known yet.

        Raises:
            ValueError: no file of them was given, or it does not fit; says what to give. Or a
                stored model has none.
        """
        variable = self.weights["word_vectors"]
        if not variable.numpy().any():
            variable.assign(self._read_word_vectors())
        return variable.numpy()

    def _read_word_vectors(self):
        config, size = self.config, {"classes": self.num_classes, "dim": self.config.output_dim}
        looked_up = config.word_vectors and config.class_names
        if config.wordvec_dict == ORTHOGONAL and not looked_up:
            return word_vectors.orthogonal(**size)
        if self.stored:
            raise ValueError(
                "The word vectors of this stored model are all zero, so it is damaged or was never "
                "trained, and files that its settings name are not read. Train it again."
            )
        if looked_up:
            return self._looked_up()
        if config.wordvec_dict:
            return word_vectors.read_table(config.wordvec_dict, **size)
        raise ValueError(
            f"Expected a word vector of each of the {self.num_classes} classes. Received none. "
            "Give --wordvec_dict=FILE (a row of numbers per class; DATASET_wordvec.txt beside the "
            "lists is found), or --word_vectors=FILE of word2vec or GloVe with "
            "--class_names=a,b,..., or --wordvec_dict=orthogonal."
        )

    def _looked_up(self):
        config = self.config
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
        decoded = self.training.decoded(batch.positions["images"], u.dtype)
        error = reconstruction.squared_error(u, decoded, word_vectors=words)
        return {"semantics": cosines, "quantization": self.training.weight(u.dtype) * error}

    def update(self, outputs, number):
        """Codes and centres in turns; the first time from centres by k-means."""
        seed = (self.seed, number)
        if number == 1:
            centers = self.head.initial_centers(outputs, seed=seed)
        else:
            centers = self.head.centers.numpy()
        return self.head.fit(outputs, centers, seed=seed)
