"""The code of a class: that of the class which a classifier finds."""

from tfhash.heads import base
from tfhash.lazy import keras
from tfhash.retrieval import codes as kinds


class Classes(base.Head):
    """The code of an item is the centre of the class of its largest output, its logits.

    Args:
        linear: as in `Head`; its width is the number of classes.
        centers: `[classes, bits]` of -1 and 1.
    """

    def __init__(self, linear, centers):
        super().__init__(linear)
        self._given = centers

    def build_weights(self):
        options = {"dtype": "float32", "trainable": False, "name": "centers"}
        self.centers = keras.Variable(self._given, **options)
        return {"centers": self.centers}

    def codes(self, outputs):
        return kinds.BinaryCodes.from_signs(self.centers.numpy()[outputs.argmax(axis=1)])

    def queries(self, outputs):
        return self.codes(outputs)
