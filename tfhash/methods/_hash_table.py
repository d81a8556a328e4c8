"""Settings of the hash table method, and the learning rates that the originals name by letters."""

import dataclasses

import keras

from tfhash import checks

STAGES = ("metric", "hash")
LOSSES = ("npair", "triplet")
DECAYS = ("stair", "piecewise")
DISTANCES = ("h1", "h2")

# Steps of a stair by stage, batch and letter. The originals have 128 for CIFAR-100 only, the
# other batches for ImageNet only.
STAIRS = {
    "metric": {128: {"a": 50000}, 256: {"a": 200000}, 512: {"a": 150000}},
    "hash": {
        128: {"a": 20000},
        256: {"a": 50000, "b": 60000},
        512: {"a": 30000, "b": 40000},
    },
}
# Boundaries in steps by batch and letter. The original's default, b2 at 1024, is missing in its
# own table; here it has the boundaries of 512.
BOUNDARIES = {
    128: {"a": (10000, 20000), "b": (20000, 35000)},
    512: {"a": (20000, 40000), "b": (40000, 70000)},
    1024: {"a": (10000, 20000), "b": (40000, 70000)},
}
RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
DECAY_RATE = 0.3  # of a stair


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; the defaults are those of the originals' CIFAR-100 metric and hash scripts."""

    stage: str = "metric"  # or hash, which starts from a model of the metric stage
    batch_size: int = 128  # images of a step; half anchors, half positives for npair (nbatch)
    batch_classes: int = 16  # classes of a batch for triplet; npair takes nbatch / 2 (nsclass)
    epochs: int = 300  # passes over as many images as there are (epoch)
    save_every: int = 1  # epochs between two validations and saved states
    img_model: str = "nin"  # the backbone; the original's conv1 (conv)
    loss: str = "triplet"  # of the metric stage: npair or triplet (ltype)
    embedding_dim: int = 64  # width of the embedding; as many as buckets in the hash stage (m)
    length_weight: float = 0.003  # of the squared lengths, npair of the metric stage (lamb)
    margin: float = 0.3  # in squared distances of unit vectors, triplet of the metric stage (ma)
    decay: str = "stair"  # or piecewise: schedule of the metric stage (dtype)
    decay_rates: str = "a3"  # its steps by the letter, its rates by the number (dptype)
    buckets: int = 64  # of the hash table (d)
    active: int = 1  # buckets of an item (k)
    hash_loss: str = "npair"  # of the hash stage (hltype)
    hash_distance: str = "h1"  # npair: h1 inner products, h2 negative L1; triplet: h1 L1 (hdt)
    pair_cost: float = 0.3  # of two classes that share a bucket, in output units (plamb)
    hash_length_weight: float = 0.003  # as length_weight, of the hash stage (hlamb)
    hash_margin: float = 1.0  # in L1 distances of unit vectors, triplet of the hash stage (hma)
    hash_decay: str = "stair"  # as decay, of the hash stage (hdtype)
    hash_decay_rates: str = "a3"  # as decay_rates, of the hash stage (hdptype)
    hash_std: float = 0.0  # of the new layer's initial weights; 0 for Xavier's uniform ones
    image_size: int = 32  # pixels of a side
    flip: bool = True  # mirrors half of the training batches
    crop_padding: int = 4  # pixels of zeros around a training image before the random crop
    augment_per_image: bool = False  # draws flip and crop for each image; else for a batch
    two_passes: bool = False  # chooses buckets by a pass of its own, as the original does
    test_train: bool = True  # also evaluates the queries against the database

    def __post_init__(self):
        for name, known in (
            ("stage", STAGES), ("loss", LOSSES), ("hash_loss", LOSSES), ("decay", DECAYS),
            ("hash_decay", DECAYS), ("hash_distance", DISTANCES),
        ):  # fmt: skip
            if getattr(self, name) not in known:
                raise ValueError(
                    f"Expected `{name}` to be one of {known}. Received: {getattr(self, name)!r}."
                )
        checks.at_least(self, 1, "epochs", "save_every", "embedding_dim", "buckets", "active",
                        "batch_classes", "image_size")  # fmt: skip
        checks.at_least(self, 0, "length_weight", "hash_length_weight", "pair_cost", "margin",
                        "hash_margin", "hash_std", "crop_padding")  # fmt: skip
        if self.active > self.buckets:
            raise ValueError(
                "Expected `active` <= `buckets`: an item lies in different buckets. "
                f"Received: active={self.active}, buckets={self.buckets}."
            )
        if self.is_hash and self.current_loss == "triplet" and self.hash_distance != "h1":
            raise ValueError(
                "Expected `hash_distance` h1 with the triplet loss. "
                f"Received: {self.hash_distance!r}. Use --hash_loss=npair for h2."
            )
        self._check_batch()
        self._decay()

    def _check_batch(self):
        if self.current_loss == "npair":
            fits, wanted = self.batch_size % 2 == 0, "even: as many anchors as positives"
        else:
            share = self.batch_size // self.batch_classes
            fits = share > 1 and share * self.batch_classes == self.batch_size
            wanted = f"a multiple of `batch_classes`={self.batch_classes}, twice it or more"
        if self.batch_size < 2 or not fits:
            raise ValueError(f"Expected `batch_size` {wanted}. Received: {self.batch_size}.")

    @property
    def is_hash(self):
        """Whether this is the hash stage."""
        return self.stage == "hash"

    @property
    def current_loss(self):
        """The loss of the stage."""
        return self.hash_loss if self.is_hash else self.loss

    @property
    def classes_drawn(self):
        """Classes of a batch."""
        return self.batch_size // 2 if self.current_loss == "npair" else self.batch_classes

    @property
    def width(self):
        """Width of the embedding; in the hash stage as many as buckets, as in the original."""
        return self.buckets if self.is_hash else self.embedding_dim

    @property
    def file_name(self):
        """The original's name of a result, but for the dataset, which begins it there."""
        c = self
        shared = (c.batch_size, c.classes_drawn)
        if not c.is_hash:
            weight = c.length_weight if c.loss == "npair" else c.margin
            parts = (*shared, c.img_model, c.loss, weight, c.width, c.decay, c.decay_rates)
        else:
            weight = c.hash_length_weight if c.hash_loss == "npair" else c.hash_margin
            parts = (c.img_model, c.hash_loss, c.width, *shared, c.hash_loss, c.hash_distance,
                     c.buckets, c.active, weight, c.pair_cost, c.hash_decay,
                     c.hash_decay_rates)  # fmt: skip
        return "_".join(map(str, parts))

    def schedule(self):
        """The learning rate, a Keras schedule."""
        kind, steps, number = self._decay()
        if kind == "piecewise":
            values = [RATES[number + 1], RATES[number], RATES[number - 1]]
            return keras.optimizers.schedules.PiecewiseConstantDecay(list(steps), values)
        # a1 is lower but in the metric stage of ImageNet.
        lowest = number == 1 and (self.is_hash or self.batch_size <= 128)
        rate = RATES[0] if lowest else RATES[number + 1]
        return keras.optimizers.schedules.ExponentialDecay(rate, steps, DECAY_RATE, staircase=True)

    def _decay(self):
        """Kind, steps or boundaries, and number of the stage's schedule.

        The originals know few sizes of a batch: others take the table of the next larger one, or
        of the largest.
        """
        field = "hash_decay" if self.is_hash else "decay"
        kind, name = getattr(self, field), getattr(self, f"{field}_rates")
        tables = STAIRS[self.stage] if kind == "stair" else BOUNDARIES
        size = min((s for s in tables if s >= self.batch_size), default=max(tables))
        letter, number = name[:1], name[1:]
        if letter not in tables[size] or number not in ("1", "2", "3", "4", "5"):
            raise ValueError(
                f"Expected `{field}_rates` as one of the letters {', '.join(tables[size])} and a "
                f"number of 1 to 5, for {kind} at batch {size}. Received: {name!r}."
            )
        return kind, tables[size][letter], int(number)


def _imagenet32(stage, asked):
    """Of the ImageNet scripts."""
    found = {"length_weight": 0.002, "margin": 1.0, "embedding_dim": 512, "loss": "npair",
             "test_train": False}  # fmt: skip
    if stage == "metric":
        return found | {"batch_size": 512, "batch_classes": 256, "epochs": 200}
    triplet = asked.get("hash_loss") == "triplet"
    width = 256 if triplet else 512
    return found | {
        "batch_size": 1024, "batch_classes": 512, "epochs": 100, "hash_std": 0.01,
        "embedding_dim": width, "buckets": width, "hash_decay": "piecewise",
        "hash_decay_rates": "b2", "pair_cost": 1.0 if triplet else 10.0,
    }  # fmt: skip


def _digits(stage, asked):
    """For a training of a minute or two."""
    loss = asked.get("hash_loss" if stage == "hash" else "loss", "triplet")
    return {
        "img_model": "fixed_vgg", "image_size": 16, "flip": False, "crop_padding": 1, "buckets": 16,
        "embedding_dim": 16, "batch_classes": 10, "batch_size": 20 if loss == "npair" else 60,
        "epochs": 4 if stage == "hash" else 8, "save_every": 4, "hash_loss": loss,
        "decay_rates": "a4", "hash_decay_rates": "a4",
    } | ({"pair_cost": 1.0} if loss == "triplet" else {})  # fmt: skip


# What a dataset changes: `(stage, settings asked for) -> settings`.
DATASETS = {"imagenet32": _imagenet32, "digits": _digits}
