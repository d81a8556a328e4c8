"""Learned hash tables: buckets that a min-cost flow gives to the classes of each batch.

The metric stage trains an embedding; the hash stage puts a layer of buckets in place of the last
one and trains it, while the embedding of the first stage goes on to rank what a query finds.
Reference: Jeong & Song, ICML 2018. Original: maestrojeong/Deep-Hash-Table-ICML18.
"""

import dataclasses

from tfhash.data import augment, samplers, splits
from tfhash.heads.buckets import Buckets, Embedding
from tfhash.lazy import keras, tf
from tfhash.losses import hash_table as losses
from tfhash.methods import base
from tfhash.methods.hash_table.inputs import PixelMean
from tfhash.methods.hash_table.settings import Config
from tfhash.quantization import min_cost_flow
from tfhash.training import optimizers

__all__ = ["Config", "Method"]

CONV_DECAY, DENSE_DECAY = 0.00004, 0.0005  # L2 of the metric stage, halved as in TensorFlow
SLOW = 0.1  # of the learning rate, for all but the new layer of the hash stage
FRESH = "_first"  # ends the names of the streams of a first pass


class Method(base.Method):
    """Jeong & Song's n-pair or semi-hard triplet loss, over an embedding or over buckets."""

    @classmethod
    def input_of(cls, config):
        plain = super().input_of(config)
        return PixelMean(backbone=plain.backbone, pixels=plain.pixels, side=config.image_size)

    @property
    def streams(self):
        """Anchors and positives, or images; those of a first pass, where there is one, too."""
        npair = self.config.current_loss == "npair"
        names = ("anchors", "positives") if npair else ("images",)
        passes = ("", FRESH) if self.config.is_hash and self.config.two_passes else ("",)
        return tuple(name + ending for ending in passes for name in names)

    # ---- the model

    def build_head(self):
        config = self.config
        if not config.is_hash:
            return Embedding(self.linear(config.width), test_train=config.test_train)
        min_cost_flow.require()
        start = None
        if config.hash_std:
            start = keras.initializers.TruncatedNormal(stddev=config.hash_std)
        linear = self.linear(config.buckets, start)
        sizes = {"buckets": config.buckets, "active": config.active}
        return Buckets(linear, test_train=config.test_train, metric=self.metric_network, **sizes)

    def metric_network(self):
        """A network of the first stage, whose embedding stays as it was."""

        def head(features):
            return self.linear(self.config.width)()(features)

        return self.network_to(head)

    def build_network(self):
        network = super().build_network()
        if self.config.is_hash:
            for name in self.backbone.decayed_only:  # without weight decay nothing reads them
                network.get_layer(name).trainable = False
        return network

    def build_weights(self):
        if not isinstance(self.input, PixelMean):  # of vectors
            return {}
        side = self.config.image_size
        shape, fixed = (side, side, 3), {"trainable": False, "name": "pixel_mean"}
        mean = keras.Variable("zeros", shape=shape, dtype="float32", **fixed)
        self.input = dataclasses.replace(self.input, mean=mean)
        return {"pixel_mean": mean}

    def build_state(self, train):
        if "pixel_mean" in self.weights and not self.config.is_hash:
            self.input.mean.assign(splits.pixel_mean(train))
        return super().build_state(train)

    def continue_from(self, method):
        own, other = self.config, method.config
        for field, wanted, there in (
            ("stage", "metric", other.stage),
            ("img_model", own.img_model, other.img_model),
            ("image_size", own.image_size, other.image_size),
            ("embedding_dim", own.width, other.embedding_dim),
        ):
            if wanted != there:
                raise ValueError(
                    f"Expected a metric model with {field}={wanted!r}, to train {own.buckets} "
                    f"buckets with as wide an embedding. Received one with {field}={there!r}."
                )
        learned = {v.path: v.numpy() for v in method.network.variables}
        for variable in self.head.metric.variables:
            variable.assign(learned[variable.path])
        for variable in self.network.variables:
            if not self.backbone.is_linear(variable.path):
                variable.assign(learned[variable.path])
        if "pixel_mean" in self.weights:
            self.weights["pixel_mean"].assign(method.weights["pixel_mean"].numpy())

    def optimizer(self):
        # Departure: the original's two Adams change variables while gradients are still taken,
        # so that its first updates are off by 10 to 40 %. Here all gradients come first.
        def factor(path):
            return SLOW if self.config.is_hash and not self.backbone.is_linear(path) else 1.0

        return optimizers.Adam(self.config.schedule(), factors=factor, epsilon=1e-8)

    # ---- batches

    def _groups(self, train):
        """The labelled images of each class, images of a class in a batch, names of classes."""
        names = [str(number) for number in range(self.num_classes)]
        groups = samplers.class_groups(train.labels, train.labelled, names)
        return groups, self.config.batch_size // self.config.classes_drawn, names

    def steps_per_epoch(self, train):
        groups, per_class, names = self._groups(train)
        samplers.check_grouped(groups, self.config.classes_drawn, per_class, names)
        return max(1, int(train.labelled.sum()) // self.config.batch_size)

    def batches(self, train, *, steps, seed, epoch):
        groups, per_class, _ = self._groups(train)
        classes, order = self.config.classes_drawn, {"seed": seed, "epoch": epoch}
        if self.config.current_loss == "npair":
            drawn = samplers.pairs(groups, classes, steps, **order)
        else:
            rows = samplers.grouped(groups, classes, per_class, steps, **order)
            drawn = ({"images": row} for row in rows)
        for rows in drawn:
            yield {stream: rows[stream.removesuffix(FRESH)] for stream in self.streams}

    def augment(self, images, seed):
        images = self.input.prepare(images)
        flip, crop = tf.unstack(tf.random.split(seed, 2))
        single, padding = self.config.augment_per_image, self.config.crop_padding
        if padding:
            move = augment.random_crop if single else augment.crop_together
            images = move(images, padding, crop)
        if self.config.flip:
            images = (augment.random_flip if single else augment.flip_together)(images, flip)
        return images

    # ---- losses

    def losses(self, outputs, batch):
        npair = self.config.current_loss == "npair"
        labels = batch.labels["anchors" if npair else "images"]
        chosen = self._chosen(outputs) if self.config.is_hash else None
        return (self._npair if npair else self._triplet)(outputs, labels, chosen)

    def _chosen(self, outputs):
        """`[n, buckets]` 0/1: the buckets of each item's class, out of the min-cost flow.

        Departure: of the outputs that the loss sees too, but with `two_passes`.
        """
        config = self.config
        ending = FRESH if config.two_passes else ""
        if config.current_loss == "npair":
            values = (outputs["anchors" + ending] + outputs["positives" + ending]) / 2
        else:
            values = tf.math.l2_normalize(outputs["images" + ending], axis=-1)
        share = tf.shape(values)[0] // config.classes_drawn
        grouped = tf.reshape(values, [config.classes_drawn, -1, config.buckets])
        unary = tf.reduce_mean(grouped, axis=1)

        def solve(unary):
            chosen = min_cost_flow.assign(unary, config.active, pair_cost=config.pair_cost)
            return chosen.astype(unary.dtype)

        chosen = tf.numpy_function(solve, [unary], unary.dtype)
        return tf.repeat(tf.ensure_shape(chosen, unary.shape), share, axis=0)

    def _npair(self, outputs, labels, chosen):
        anchors, positives = outputs["anchors"], outputs["positives"]
        config = self.config
        if chosen is None:
            similarities = losses.inner_products(anchors, positives)
        elif config.hash_distance == "h1":
            similarities = losses.active_inner_products(anchors, positives, chosen)
        else:
            similarities = -losses.active_l1(anchors, positives, chosen, k=config.active)
        weight = config.hash_length_weight if config.is_hash else config.length_weight
        return {
            "pairs": losses.npairs(similarities, labels),
            "length": losses.squared_length(anchors, positives, weight=weight),
            **self._weight_decay(anchors.dtype),
        }

    def _triplet(self, outputs, labels, chosen):
        vectors = tf.math.l2_normalize(outputs["images"], axis=-1)
        if chosen is None:
            distances, margin = losses.euclidean(vectors, squared=True), self.config.margin
        else:
            distances = losses.active_l1(vectors, vectors, chosen, k=self.config.active)
            margin = self.config.hash_margin
        triplets = losses.semi_hard_triplets(distances, labels, margin=margin)
        return {"triplets": triplets, **self._weight_decay(vectors.dtype)}

    def _weight_decay(self, dtype):
        """The metric stage's term of all kernels; the hash stage has none."""
        if self.config.is_hash:
            return {}
        terms = [
            (DENSE_DECAY if isinstance(layer, keras.layers.Dense) else CONV_DECAY)
            * tf.nn.l2_loss(tf.cast(layer.kernel, dtype))
            for layer in self.network.layers
            if hasattr(layer, "kernel")
        ]
        return {"weight_decay": tf.add_n(terms)}
