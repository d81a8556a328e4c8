"""Settings of the hash table method, and the learning rates that the originals name by letters."""

import dataclasses

from tfhash import config as settings
from tfhash.config import setting
from tfhash.lazy import keras

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
class Config(settings.Config):
    """Settings; the defaults are those of the originals' CIFAR-100 metric and hash scripts."""

    stage: str = setting(
        "metric",
        "metric trains an embedding; hash trains buckets from a model of the metric stage.",
        choices=STAGES,
    )
    batch_size: int = setting(
        128, "Images of a step; with npair half of them are anchors, half positives."
    )
    batch_classes: int = setting(
        16, "Classes of a batch with triplet; npair takes one for each anchor.", least=1
    )
    epochs: int = setting(
        300, "Passes over as many images as the training has.", least=1, resume=True
    )
    save_every: int = setting(
        1, "Epochs between two validations and saved states.", least=1, resume=True
    )
    img_model: str = setting("nin", "Backbone: nin or conv1 (the original's), or another.")
    loss: str = setting("triplet", "Of the metric stage: npair or triplet.", choices=LOSSES)
    embedding_dim: int = setting(
        64,
        "Width of the embedding; in the hash stage it is the number of buckets.",
        least=1,
        most=settings.WIDEST,
    )
    length_weight: float = setting(
        0.003, "Weight of the squared lengths, npair of the metric stage.", least=0
    )
    margin: float = setting(
        0.3, "Of triplets of the metric stage, in squared distances of unit vectors.", least=0
    )
    decay: str = setting(
        "stair", "Learning rate of the metric stage: stair or piecewise.", choices=DECAYS
    )
    decay_rates: str = setting(
        "a3", "Its steps by a letter and its rates by a number: a1 to a5, b1 to b5."
    )
    buckets: int = setting(
        64,
        "Buckets of the hash table; for triplets on ImageNet a comment of the original has 256.",
        least=1,
        most=settings.WIDEST,
    )
    active: int = setting(1, "Buckets that an item lies in.", least=1)
    hash_loss: str = setting("npair", "Of the hash stage: npair or triplet.", choices=LOSSES)
    hash_distance: str = setting(
        "h1", "h1 (inner products; for triplet L1) or h2 (negative L1).", choices=DISTANCES
    )
    pair_cost: float = setting(
        0.3,
        "Cost of two classes of a batch in one bucket, in output units; for triplets a comment of "
        "the original has 1.",
        least=0,
    )
    hash_length_weight: float = setting(
        0.003, "Weight of the squared lengths, npair of the hash stage.", least=0
    )
    hash_margin: float = setting(
        1.0, "Of triplets of the hash stage, in L1 distances of unit vectors.", least=0
    )
    hash_decay: str = setting(
        "stair", "Learning rate of the hash stage: stair or piecewise.", choices=DECAYS
    )
    hash_decay_rates: str = setting("a3", "As decay_rates, of the hash stage.")
    hash_std: float = setting(
        0.0, "Of the new layer's normal initial weights; 0: Xavier's uniform ones.", least=0
    )
    image_size: int = setting(32, "Side in pixels that images are resized to.", least=1, most=4096)
    flip: bool = setting(True, "Mirror half of the training batches.")
    crop_padding: int = setting(
        4, "Pixels of zeros around a training image before it is cropped at random.", least=0
    )
    augment_per_image: bool = setting(
        False, "Draw flip and crop for each image, not for a whole batch."
    )
    two_passes: bool = setting(
        False,
        "Choose the buckets by a pass of its own, with other crops and dropout.",
    )
    test_train: bool = setting(
        True, "Test against the database too, not only queries against each other."
    )

    def __post_init__(self):
        super().__post_init__()
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
    def bits(self):
        return self.buckets if self.is_hash else 32 * self.width

    @classmethod
    def of_bits(cls, bits, values):
        raise ValueError(
            "A hash table has no --bits: --buckets (--d in the original) gives its size, and "
            f"--active (--k) the buckets that an item lies in. Received: --bits={bits}."
        )

    @classmethod
    def defaults(cls, dataset, asked):
        stage = asked.get("stage", "metric")
        changed = {"batch_classes": 64, "epochs": 200} if stage == "hash" else {}
        return changed | (DATASETS[dataset](stage, asked) if dataset in DATASETS else {})

    def shared_by(self, replicas):
        """An n-pair loss takes halves of a batch."""
        halves = 2 if self.current_loss == "npair" else 1
        return self.batch_size % (halves * replicas) == 0

    def largest_batch(self, labelled, unlabelled):
        return self.batch_size  # what counts is the images of each class

    def stage_before(self, dataset):
        if not self.is_hash:
            return None
        known = self.defaults(dataset, {"stage": "metric", "loss": self.hash_loss})
        names = ("batch_size", "batch_classes", "epochs", "save_every")
        shared = {name: known.get(name, getattr(type(self), name)) for name in names}
        own = {"stage": "metric", "loss": self.hash_loss, "embedding_dim": self.buckets}
        return dataclasses.replace(self, **own, **shared)

    def model_name(self, method):
        if self.is_hash:
            return f"{method}_{self.buckets}buckets_k{self.active}"
        return f"{method}_metric_{self.loss}_{self.width}"

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
    shared = {
        "length_weight": 0.002,
        "margin": 1.0,
        "embedding_dim": 512,
        "loss": "npair",
        "test_train": False,
    }
    if stage == "metric":
        return shared | {"batch_size": 512, "batch_classes": 256, "epochs": 200}
    return shared | {
        "batch_size": 1024,
        "batch_classes": 512,
        "epochs": 100,
        "hash_std": 0.01,
        "buckets": 512,
        "hash_decay": "piecewise",
        "hash_decay_rates": "b2",
        "pair_cost": 10.0,
    }


def _digits(stage, asked):
    """For a training of a minute or two."""
    loss = asked.get("hash_loss" if stage == "hash" else "loss", "triplet")
    return {
        "img_model": "fixed_vgg",
        "image_size": 16,
        "flip": False,
        "crop_padding": 1,
        "buckets": 16,
        "embedding_dim": 16,
        "batch_classes": 10,
        "batch_size": 20 if loss == "npair" else 60,
        "epochs": 4 if stage == "hash" else 8,
        "save_every": 4,
        "hash_loss": loss,
        "decay_rates": "a4",
        "hash_decay_rates": "a4",
    } | ({"pair_cost": 1.0} if loss == "triplet" else {})


# What a dataset changes: `(stage, settings asked for) -> settings`.
DATASETS = {"imagenet32": _imagenet32, "digits": _digits}
