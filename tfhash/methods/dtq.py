"""Deep triplet quantization: triplets mined after every epoch, composite codes.

Reference: Liu et al., ACM Multimedia 2018. Original: thulab/DeepHash, model/dtq/.
"""

import dataclasses
import logging

import numpy as np
import tensorflow as tf

from tfhash import checks
from tfhash.data import triplets
from tfhash.losses import reconstruction, triplet
from tfhash.methods import _composite, _deephash

LOG = logging.getLogger("tfhash")


@dataclasses.dataclass(frozen=True)
class Config(_composite.Quantizer, _deephash.Config):
    """Settings; the defaults are those of the original's examples/dtq/train_val_script.py."""

    learning_rate: float = 0.00003
    save_every: int = 1
    cq_lambda: float = 0.0
    epochs: int = 100  # selections of triplets
    triplet_margin: float = 30.0  # in units of the distance; the selection's are squared ones
    dist_type: str = "euclidean2"  # distance of the loss
    select_strategy: str = "margin"  # which triplets: margin, all, hard
    n_part: int = 20  # parts of the training images, at first; no triplet crosses one
    triplet_thresold: int = 64000  # with fewer triplets n_part halves
    select_in_training_mode: bool = False  # selects by outputs with dropout and random crops

    def __post_init__(self):
        super().__post_init__()
        checks.at_least(self, 1, "epochs", "n_part")
        checks.at_least(self, 0, "triplet_thresold")
        known = {"dist_type": triplet.DISTANCES, "select_strategy": triplets.STRATEGIES}
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"Expected `{name}` to be one of {values}. Received: {getattr(self, name)!r}."
                )


class Method(_composite.Method):
    """DTQ: a triplet loss on triplets that violate its margin, batch by batch of them.

    A batch is `batch_size` anchors, then their positives, then their negatives. An epoch takes
    each triplet once, so its length changes with the selection.
    """

    name = "dtq"
    dataset_defaults = {
        "digits": {
            "img_model": "fixed_vgg",
            "n_subcenter": 32,
            "batch_size": 50,
            "val_batch_size": 256,
            "epochs": 7,
            "learning_rate": 0.0005,
            "triplet_thresold": 1000,
            "flip": False,
        }
    }

    def build_state(self, train):
        mined = tf.Variable(np.zeros((0, 3), np.int64), shape=[None, 3], trainable=False)
        parts = tf.Variable(self.config.n_part, trainable=False)
        return super().build_state(train) | {"triplets": mined, "n_part": parts}

    def total_steps(self, steps_per_epoch):
        return self.config.epochs * steps_per_epoch

    def steps_per_epoch(self, train):
        """The most steps an epoch can have: those of all pairs of an anchor and a positive."""
        labels = train.labels[train.labelled]
        similar, others = triplets.count_pairs(labels)
        if not similar or not others:
            raise ValueError(
                "Expected training images of two classes or more, and two of one of them: a "
                "triplet is two images that share a label and one that does not. Received: "
                f"{len(labels)} labelled images, {similar} pairs that share a label, "
                f"{others} that do not."
            )
        return max(1, 2 * similar // self.config.batch_size)

    def epoch_steps(self, steps_per_epoch):
        # With fewer triplets than a batch the original would take no step at all.
        count = int(tf.shape(self.state["triplets"])[0])
        return min(steps_per_epoch, max(1, count // self.config.batch_size))

    def batches(self, train, *, steps, seed, epoch):
        """The mined triplets in their order, which is random; from the first one if too few."""
        size, mined = self.config.batch_size, self.state["triplets"].numpy()
        mined = np.resize(mined, (max(len(mined), size * steps), 3))
        for number in range(steps):
            yield {"images": mined[number * size : (number + 1) * size].T.ravel()}

    def on_epoch_begin(self, epoch, train, encode):
        rows, seed = np.flatnonzero(train.labelled), (self.seed, epoch)
        if epoch:
            self._update(rows, self.weights["C"].numpy(), seed)
        self._embed(rows, train, encode, seed)
        outputs = self.state["outputs"].numpy()[rows]
        self._select(rows, outputs, train.labels[rows], epoch)
        if not epoch:
            self._update(rows, self.initial_centers(outputs, seed=seed), seed)

    def _update(self, rows, centers, seed):
        outputs = self.state["outputs"].numpy()[rows]
        self.keep(rows, *self.fit(outputs, centers, seed=seed))

    def _embed(self, rows, train, encode, seed):
        """The outputs of all images, in inference mode.

        In training mode the original's: those of full batches of random images, so that a few
        keep older ones.
        """
        options = {}
        if self.config.select_in_training_mode:
            rng = np.random.default_rng(seed)
            rows = rng.permutation(rows)[: len(rows) - len(rows) % (3 * self.config.batch_size)]
            options = {"training_seed": int(rng.integers(2**31))}
        if len(rows):
            outputs = encode(train.subset(rows), **options).outputs
            self.remember(rows, outputs)

    def _select(self, rows, outputs, labels, epoch):
        config, parts = self.config, int(self.state["n_part"].numpy())
        given = {"margin": config.triplet_margin, "strategy": config.select_strategy}
        while True:
            found = triplets.select(outputs, labels, parts=parts, seed=(self.seed, epoch), **given)
            if len(found) or parts == 1:
                break
            parts //= 2  # where the original fails
        if len(found) < config.triplet_thresold and parts > 1:
            parts //= 2
        self.state["n_part"].assign(parts)
        LOG.info("%d triplets; n_part=%d from the next epoch on", len(found), parts)
        if len(found):
            self.state["triplets"].assign(rows[found])
        elif not epoch:
            raise ValueError(
                f"No triplet of the {len(rows)} training images violates the margin. Received: "
                f"triplet_margin={config.triplet_margin}. Use a larger one."
            )
        else:
            LOG.info("No triplet violates the margin: the former ones are trained again.")

    def losses(self, outputs, batch):
        u, config = outputs["images"], self.config
        pulled = triplet.hinge(*tf.split(u, 3), margin=config.triplet_margin, kind=config.dist_type)
        decoded = self.decoded(u, batch.positions["images"])
        error = reconstruction.squared_error(u, decoded)
        return {"triplets": pulled, "quantization": config.cq_lambda * error}

    def codes(self, outputs):
        """Codes by centres that are fitted to these very outputs, as the original's test does.

        The centres of the model stay as they are, and code what is less than a codebook.
        """
        if len(outputs) < self.config.n_subcenter:
            return super().codes(outputs)
        centers = self.initial_centers(outputs, seed=(0,))
        return self.additive(*self.fit(outputs, centers, seed=(0,)))
