"""Learned hash tables: buckets that a min-cost flow gives to the classes of each batch.

The metric stage trains an embedding; the hash stage puts a layer of buckets in place of the last
one and trains it, while the embedding of the first stage goes on to rank what a query finds.
Reference: Jeong & Song, ICML 2018. Original: maestrojeong/Deep-Hash-Table-ICML18.
"""

import dataclasses
import pathlib

import keras
import numpy as np
import tensorflow as tf

from tfhash.backbones import build, nin
from tfhash.data import augment, samplers, splits
from tfhash.evaluation import table_scoring
from tfhash.losses import hash_table as losses
from tfhash.methods import base
from tfhash.methods._hash_table import DATASETS, Config
from tfhash.quantization import min_cost_flow
from tfhash.retrieval import codes as kinds
from tfhash.retrieval import table
from tfhash.training import optimizers

__all__ = ["Config", "Method"]

CONV_DECAY, DENSE_DECAY = 0.00004, 0.0005  # L2 of the metric stage, halved as in TensorFlow
SLOW = 0.1  # of the learning rate, for all but the new layer of the hash stage
FRESH = "_first"  # ends the names of the streams of a first pass


class Method(base.Method):
    """Jeong & Song's n-pair or semi-hard triplet loss, over an embedding or over buckets."""

    name = "hash_table"
    best_by = "precision@1"
    dataset_names = {"cifar": "cifar100", "imgnet32": "imagenet32"}

    @classmethod
    def defaults(cls, dataset, asked):
        stage, loss = asked.get("stage", "metric"), asked.get("hash_loss")
        found = {"batch_classes": 64, "epochs": 200} if stage == "hash" else {}
        if loss == "triplet" and stage == "hash":
            found["pair_cost"] = 1.0
        return found | DATASETS.get(dataset, lambda stage, asked: {})(stage, asked)

    @classmethod
    def stage_before(cls, config, dataset):
        if not config.is_hash:
            return None
        known = cls.defaults(dataset, {"stage": "metric", "loss": config.hash_loss})
        shared = {
            name: known.get(name, getattr(Config(), name))
            for name in ("batch_size", "batch_classes", "epochs", "save_every")
        }
        return dataclasses.replace(
            config, stage="metric", loss=config.hash_loss, embedding_dim=config.buckets, **shared
        )

    @staticmethod
    def model_name(config):
        if config.is_hash:
            return f"hash_table_{config.buckets}buckets_k{config.active}"
        return f"hash_table_metric_{config.width}"

    @staticmethod
    def image_size(config):
        return config.image_size

    @property
    def streams(self):
        """Anchors and positives, or images; those of a first pass, where there is one, too."""
        npair = self.config.current_loss == "npair"
        names = ("anchors", "positives") if npair else ("images",)
        passes = ("", FRESH) if self.config.is_hash and self.config.two_passes else ("",)
        return tuple(name + ending for ending in passes for name in names)

    # ---- the model

    def build_network(self):
        config = self.config
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if config.current_loss == "npair" and config.batch_size // 2 % replicas:
            raise ValueError(
                "Expected half of `batch_size` to be a multiple of the replicas. "
                f"Received: batch_size={config.batch_size}, replicas={replicas}."
            )
        if not config.is_hash:
            return build.build(config.img_model, config.width, dtype=self.dtype)
        min_cost_flow.require()
        network = build.build(config.img_model, config.buckets, dtype=self.dtype)
        kernel = network.layers[-1].kernel
        if config.hash_std:
            start = keras.initializers.TruncatedNormal(stddev=config.hash_std)
            kernel.assign(start(kernel.shape, kernel.dtype))
        for layer in network.layers:
            if isinstance(layer, nin.Classifier):
                layer.trainable = False  # without weight decay nothing reads it
        return network

    def build_weights(self):
        side = self.config.image_size
        mean = keras.Variable("zeros", shape=(side, side, 3), dtype="float32", trainable=False,
                              name="pixel_mean")  # fmt: skip
        if not self.config.is_hash:
            return {"pixel_mean": mean}
        # The embedding of the first stage stays as it was, while the layers below the buckets move.
        self.metric = build.build(self.config.img_model, self.config.width, dtype=self.dtype)
        self.metric.trainable = False
        kept = {f"metric/{v.path}": v for v in self.metric.variables}
        return {"pixel_mean": mean} | kept

    def build_state(self, train):
        if not self.config.is_hash:
            self.weights["pixel_mean"].assign(splits.pixel_mean(train))
        return {}

    def continue_from(self, method):
        own, other = self.config, method.config
        for field, wanted, found in (
            ("stage", "metric", other.stage),
            ("img_model", own.img_model, other.img_model),
            ("image_size", own.image_size, other.image_size),
            ("embedding_dim", own.width, other.embedding_dim),
        ):
            if wanted != found:
                raise ValueError(
                    f"Expected a metric model with {field}={wanted!r}, to train {own.buckets} "
                    f"buckets with as wide an embedding. Received one with {field}={found!r}."
                )
        learned = {v.path: v.numpy() for v in method.network.variables}
        for variable in self.metric.variables:
            variable.assign(learned[variable.path])
        last = {v.path for v in self.network.layers[-1].variables}
        for variable in self.network.variables:
            if variable.path not in last:
                variable.assign(learned[variable.path])
        self.weights["pixel_mean"].assign(method.weights["pixel_mean"].numpy())

    def optimizer(self):
        # Departure: the original's two Adams change variables while gradients are still taken,
        # so that its first updates are off by 10 to 40 %. Here all gradients come first.
        fresh = {v.path for v in self.network.layers[-1].variables}
        return optimizers.Adam(
            self.config.schedule(),
            factors=lambda path: 1.0 if not self.config.is_hash or path in fresh else SLOW,
            epsilon=1e-8,
        )

    # ---- batches

    def _groups(self, train):
        """The labelled images of each class, images of a class in a batch, names of classes."""
        names = [str(number) for number in range(self.num_classes)]
        groups = samplers.class_groups(train.labels, train.labelled, names)
        return groups, self.config.batch_size // self.config.classes_drawn, names

    def steps_per_epoch(self, train):
        side = self.config.image_size
        if tuple(train.images.shape[:2]) != (side, side):
            raise ValueError(
                f"Expected images of {side}x{side} pixels, as `image_size` says. "
                f"Received: {train.images.shape[:2]}."
            )
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

    def preprocess(self, images, seed):
        with tf.init_scope():  # a number, also inside of a data pipeline's function
            mean = self.weights["pixel_mean"].numpy()
        images = tf.cast(images, tf.float32) / 255 - mean
        if seed is None:
            return images
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

    # ---- retrieval

    def embed(self, images):
        """Outputs `[batch, width]`; of the hash stage the buckets' values, then the embedding."""
        outputs = self.network(images, training=False)
        if not self.config.is_hash:
            return outputs
        return tf.concat([outputs, self.metric(images, training=False)], axis=1)

    def codes(self, outputs):
        if not self.config.is_hash:
            return kinds.FloatCodes(outputs, "euclidean")
        values, vectors = np.split(outputs, [self.config.buckets], axis=1)
        return table.TableCodes.from_values(values, vectors, self.config.active)

    def _parts(self, query, database):
        """The test's `Part`, and the training's where it is asked for, else None."""

        def part(encoded):
            if not self.config.is_hash:
                return table_scoring.Part(encoded.outputs, encoded.labels)
            values, vectors = np.split(encoded.outputs, [self.config.buckets], axis=1)
            return table_scoring.Part(vectors, encoded.labels, values)

        return part(query), part(database) if self.config.test_train else None

    def _entries(self, test, train):
        if self.config.is_hash:
            return table_scoring.of_table(self.config.active, test, test, train)
        return table_scoring.of_embedding(test, train)

    def evaluate(self, query, database, codes, scoring):
        """The original's entries, a value for each count, and mAP."""
        queries = self.queries(query.outputs)
        precision = scoring.mean_average_precision(codes, queries, query, database)
        entries = self._entries(*self._parts(query, database))
        return table_scoring.flat(entries) | {"mAP": precision}

    def validate(self, query, database, codes, scoring):
        """Of the queries against each other, as the original watches its training."""
        part, _ = self._parts(query, database)
        if len(part) < 2:
            return {}
        if self.config.is_hash:
            return table_scoring.validation(self.config.active, part)
        found = table_scoring.of_embedding(part)
        return {"precision@1": found["te_te_precision_at_k"][0]}

    def report(self, query, database, codes, scoring, folder):
        """Writes the CSV files of the original's test scripts."""
        parts = self._parts(query, database)
        entries = self._entries(*parts)
        if self.config.is_hash:
            train = {e: v for e, v in entries.items() if e.startswith(("train", "te_tr"))}
            test = {e: v for e, v in entries.items() if e not in train}
            files = {"_test": [test]} | ({"_train": [train]} if train else {})
        else:
            tables = table_scoring.baselines(*parts)
            files = {"": [entries]} | {f"_tables_{k}": lines for k, lines in tables.items()}
        name = self.config.file_name
        return [
            table_scoring.write_csv(pathlib.Path(folder) / f"{name}{ending}.csv", lines)
            for ending, lines in files.items()
        ]
