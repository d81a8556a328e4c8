"""Deep triplet quantization: triplets mined after every epoch, composite codes.

Reference: Liu et al., ACM Multimedia 2018. Original: thulab/DeepHash, model/dtq/.
"""

import dataclasses
import logging
import typing

import numpy as np

from tfhash.config import setting
from tfhash.data import triplets
from tfhash.heads.additive import Refitted
from tfhash.lazy import tf
from tfhash.losses import reconstruction, triplet
from tfhash.methods import _composite, _deephash

LOG = logging.getLogger("tfhash")


@dataclasses.dataclass(frozen=True)
class Config(_composite.Config):
    """Settings; the defaults are those of the original's examples/dtq/train_val_script.py."""

    batch_size: int = setting(128, "Triplets of a step, of three images each.")
    learning_rate: float = 0.00003
    save_every: int = 1
    cq_lambda: float = 0.0
    epochs: int = setting(100, "Selections of triplets, each trained once.", least=1, resume=True)
    triplet_margin: float = setting(
        30.0, "Margin of the loss, and in squared units that of the selection."
    )
    dist_type: str = setting(
        "euclidean2",
        "Distance of the loss: euclidean2 (squared), euclidean, inner_product, cosine, "
        "averaged_euclidean2, averaged_euclidean, normed_euclidean2.",
        choices=triplet.DISTANCES,
    )
    select_strategy: str = setting(
        "margin", "Triplets: margin (that violate it), all, hard.", choices=triplets.STRATEGIES
    )
    n_part: int = setting(20, "Parts of the training images that no triplet crosses.", least=1)
    triplet_thresold: int = setting(64000, "With fewer triplets n_part halves.", least=0)
    select_in_training_mode: bool = setting(
        False,
        "Select by outputs with dropout and random crops, of full batches only, as the original "
        "does.",
    )

    datasets: typing.ClassVar[dict] = {
        "digits": {
            "img_model": "fixed_vgg",
            "n_subcenter": 32,
            "batch_size": 50,
            "val_batch_size": 256,
            "epochs": 7,
            "learning_rate": 0.0005,
            "triplet_thresold": 1000,
            "flip": False,
        },
        "embeddings": {"epochs": 7, "learning_rate": 0.0005},
    }

    def largest_batch(self, labelled, unlabelled):
        return self.batch_size  # triplets, in many of which an image stands

    def total_steps(self, steps_per_epoch):
        return self.epochs * steps_per_epoch


class Method(_deephash.Method):
    """DTQ: a triplet loss on triplets that violate its margin, batch by batch of them.

    A batch is `batch_size` anchors, then their positives, then their negatives. An epoch takes
    each triplet once, so its length changes with the selection.
    """

    def build_head(self):
        head = _composite.head(self, Refitted)
        self.training = _composite.TrainingCodes(head)
        self.hooks.append(self.training)
        return head

    def build_state(self, train):
        mined = tf.Variable(np.zeros((0, 3), np.int64), shape=[None, 3], trainable=False)
        parts = tf.Variable(self.config.n_part, trainable=False)
        return super().build_state(train) | {"triplets": mined, "n_part": parts}

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
            self._update(self.head.centers.numpy(), seed)
        self._embed(rows, train, encode, seed)
        outputs = self.training.outputs
        self._select(rows, outputs, train.labels[rows], epoch)
        if not epoch:
            self._update(self.head.initial_centers(outputs, seed=seed), seed)

    def _update(self, centers, seed):
        self.training.keep(*self.head.fit(self.training.outputs, centers, seed=seed))

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
            self.training.remember(rows, encode(train.subset(rows), **options))

    def _select(self, rows, outputs, labels, epoch):
        config, parts = self.config, int(self.state["n_part"].numpy())
        given = {"margin": config.triplet_margin, "strategy": config.select_strategy}
        while True:
            chosen = triplets.select(outputs, labels, parts=parts, seed=(self.seed, epoch), **given)
            if len(chosen) or parts == 1:
                break
            parts //= 2  # where the original fails
        if len(chosen) < config.triplet_thresold and parts > 1:
            parts //= 2
        self.state["n_part"].assign(parts)
        LOG.info("%d triplets; n_part=%d from the next epoch on", len(chosen), parts)
        if len(chosen):
            self.state["triplets"].assign(rows[chosen])
        elif not epoch:
            raise ValueError(
                f"No triplet of the {len(rows)} training images violates the margin. Received: "
                f"triplet_margin={config.triplet_margin}. Use a larger one."
            )
        else:
            LOG.info("No triplet violates the margin: the former ones are trained again.")

    def on_step_end(self, outputs, positions):
        super().on_step_end(outputs, positions)
        self._last = outputs["images"]

    def summaries(self):
        """The number of triplets of the epoch, and distances in those of its last step.

        The original writes the distances of every step.
        """
        anchor, positive, negative = tf.split(self._last, 3)
        near = triplet.distance(anchor, positive, kind=self.config.dist_type)
        far = triplet.distance(anchor, negative, kind=self.config.dist_type)
        distances = {"pos_dist": near, "neg_dist": far, "pos_dist - neg_dist": near - far}
        return {"num_triplets": len(self.state["triplets"].numpy())} | distances

    def losses(self, outputs, batch):
        u, config = outputs["images"], self.config
        pulled = triplet.hinge(*tf.split(u, 3), margin=config.triplet_margin, kind=config.dist_type)
        decoded = self.training.decoded(batch.positions["images"], u.dtype)
        error = reconstruction.squared_error(u, decoded)
        return {"triplets": pulled, "quantization": config.cq_lambda * error}
