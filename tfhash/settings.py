"""All settings of a training, frozen: method, its Config, data, run, devices, and their origins."""

import dataclasses
import difflib
import os

from tfhash import backbones, checks, data, methods, originals
from tfhash import config as fields
from tfhash.config import setting
from tfhash.evaluation import scoring
from tfhash.retrieval import relevance

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
# Where a value comes from.
GIVEN, DATASET, ORIGINAL = "given", "dataset", "original"
DEFAULT, DEVICES, IMAGES = "default", "devices", "images"


@dataclasses.dataclass(frozen=True)
class Data(fields.Checked):
    """Which images, and how they are split; kept in a model's config.json."""

    dataset: str = setting(
        "auto",
        "Dataset: digits, cifar10, tfds:NAME, folder:PATH, a list dataset, or auto: CIFAR-10 "
        "where it lies ready, else digits.",
    )
    data_dir: str = setting("./cifar10", "Folder of the dataset's files.", folder=True)
    image_size: int = setting(
        0, "Side in pixels that images are resized to; 0: the dataset's.", least=0
    )
    split_order: str = setting(
        "",
        "File of the positions of CIFAR-10's images sorted by label (.npy), to repeat a recorded "
        "split; default: the stable order.",
        folder=True,
    )
    seed: int = setting(
        0, "Of the initial weights, the batches, the augmentation, the split.", least=0
    )
    allow_overlap: bool = setting(False, "Accept images that are in two parts of the dataset.")
    allow_unlabelled: bool = setting(False, "Accept images without a label.")
    skip_bad_images: bool = setting(
        False,
        "Leave out image files that can't be read, and list them in bad_images.txt; else the "
        "first is an error.",
    )
    cache_memory: int = setting(
        2048,
        "MiB in which images of files are kept once they are read.",
        least=0,
        resume=True,
    )
    num_classes: int = setting(
        0,
        "Classes that the dataset must have, or its lists of class numbers have; 0: as found.",
        least=0,
    )
    train_file: str = setting(
        "", "List of the images to train with, instead of that in --data_dir."
    )
    query_file: str = setting("", "List of the images of queries, instead of that in --data_dir.")
    database_file: str = setting(
        "", "List of the images of the database, instead of that in --data_dir."
    )
    val_file: str = setting(
        "", "List of the images to validate with, instead of that in --data_dir."
    )

    def stored(self):
        """`{name: value}` for config.json; a path holds from every folder."""
        return {name: absolute(name, value) for name, value in dataclasses.asdict(self).items()}


@dataclasses.dataclass(frozen=True)
class Run(fields.Checked):
    """How a training runs."""

    precision: str = setting("float32", "Arithmetic of the network.", choices=PRECISIONS)
    steps_per_epoch: int = setting(0, "Steps of an epoch; 0: the method's own number.", least=0)
    validate_every: int = setting(0, "Epochs between validations; 0: as save_every.", least=0)
    pretrained: str = setting(
        "",
        "Weights to start from: a file of the original, or its name in the folder pretrained/ "
        "(see the README there); keras: those of keras.applications, for VGG16, VGG19 and ResNets "
        "of 50 layers and more.",
    )
    start_from: str = setting(
        "",
        "Model of the stage before, where the method has stages: a model directory, or a file of "
        "the original; none: trains it first.",
    )
    jit_compile: bool = setting(False, "Compile the step by XLA.")
    save_dir: str = setting("models", "Folder of the model directory, where no --model is given.")
    resume: bool = setting(False, "Go on with the run in the model directory.")
    overwrite: bool = setting(False, "Replace the model directory.")


@dataclasses.dataclass(frozen=True)
class Test(fields.Checked):
    """How a test runs, and what it writes."""

    seed: int = setting(0, "Of the queries that the picture shows.", least=0)
    encode_batch: int = setting(0, "Images encoded at once; 0: the method's own number.", least=0)
    ties: str = setting(
        "stable",
        "Order of items of equal distance; expected: the mean of all.",
        choices=scoring.TIES,
    )
    map_denominator: str = setting(
        "retrieved",
        "mAP divides by the relevant items among the first R, as the originals do, or by min(R, "
        "all relevant items).",
        choices=scoring.DENOMINATORS,
    )
    relevance: str = setting(
        "", "File of which items are relevant to which queries (.npy, .mat), instead of labels."
    )
    R: int = setting(
        0, "Ranks that count for mAP; 0: the original's number for the dataset.", least=0
    )
    max_memory: int = setting(1024, "MiB that ranking may take beyond codes and labels.", least=1)
    report: str = setting("", "Folder for what is written; default: MODEL/report.")
    snapshot: str = setting("", "Saved state to test, as iter_09000; default: the last.")
    save_codes: bool = setting(False, "Also write the codes of the database.")
    save_original: str = setting("", "File to write the model to as its original does.")
    start_from: str = setting(
        "",
        "Model of the stage before the tested file of an original, which does not hold it: a "
        "model directory, or a file of the original.",
    )

    def scoring(self):
        """The `Scoring` that this asks for."""
        return scoring.Scoring(
            ties=self.ties,
            top=self.R or None,
            map_denominator=self.map_denominator,
            max_memory=self.max_memory * 2**20,
            relevant=relevance.read_matrix(self.relevance) if self.relevance else None,
        )

    def step(self):
        """The step of `snapshot`, `iter_09000` or `9000`; None for the newest."""
        digits = str(self.snapshot or "0").removeprefix("iter_")
        if not digits.isdigit():
            raise ValueError(f"Expected --snapshot like iter_09000. Received: {self.snapshot!r}.")
        return int(digits) if self.snapshot else None


@dataclasses.dataclass(frozen=True)
class Devices(fields.Checked):
    """On what a command computes."""

    gpus: str = setting("all", "GPUs to use: all, numbers like 0,1, or empty for the CPU.")
    virtual_devices: int = setting(0, "Mirror over so many virtual CPU devices.", least=0)

    def __post_init__(self):
        super().__post_init__()
        checks.device_numbers(self.gpus)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a training is.

    Attributes:
        method: name.
        config: its `Config`.
        data, run, devices: the others.
        model: the model directory.
        origins: `{setting: origin}`, where each value comes from: "given", "dataset", "original",
            "default", or "devices" or "images", by whose number a batch was chosen.
        notes: lines for the user on what was chosen.
    """

    method: str
    config: fields.Config
    data: Data
    run: Run
    devices: Devices
    model: str
    origins: dict
    notes: tuple = ()

    def with_batch(self, size, origin):
        """These settings with another `batch_size`, which comes from `origin`."""
        return dataclasses.replace(
            self,
            config=dataclasses.replace(self.config, batch_size=size),
            origins=self.origins | {"batch_size": origin},
        )


def settle(method, given):
    """The `Settings` of a training; changes nothing.

    Args:
        method: name.
        given: `{setting: value}` that the user gave, of any of the dataclasses, and `model`, and
            `bits` in place of what gives the length of a code.
    Raises:
        ValueError: an unknown method, dataset or setting, or a value that does not fit.
    """
    if method is None:
        raise ValueError(f"Expected --method to be one of {methods.names()}. Received none.")
    kind = methods.load(method).Config
    known = {name: cls for cls in (kind, Data, Run, Devices) for name in fields.names(cls)}
    check_names(given, [*known, "model", "bits"])
    named = given.get("dataset", "auto")
    place = {"given": "data_dir" in given, "files": files_of(given)}
    name, folder = originals.dataset_name(method, named), given.get("data_dir", Data.data_dir)
    dataset, folder, found = originals.place(method, name, folder, **place)
    changed = kind.defaults(dataset, given) | found
    asked, given = given, with_bits(kind, given, changed)
    lines = _chosen(changed, given, f"since the dataset is {dataset}")
    lines += _chosen(given, asked, f"for codes of {asked.get('bits')} bits")
    values = changed | given | {"dataset": dataset, "data_dir": folder}
    lines.append(data.resolve(named if dataset == "digits" else dataset, folder, **place)[1])
    config = kind.of(values)
    there = _weights_there(method, config, given)
    lines += _chosen(there, given, "since it lies where the original has it")
    run = Run.of(values | there)
    home = os.path.join(os.path.expanduser(run.save_dir), config.model_name(method))
    sources = [(given, GIVEN), (there, ORIGINAL), (changed, DATASET), (known, DEFAULT)]
    origins = {n: next(source for names, source in sources if n in names) for n in known}
    return Settings(
        method=method,
        config=config,
        data=Data.of(values),
        run=run,
        devices=Devices.of(values),
        model=values.get("model") or home,
        origins=origins,
        notes=tuple(lines),
    )


def _weights_there(method, config, given):
    """`{"pretrained": path}` of the weights that lie where the original has them, or {}."""
    # An unknown backbone is an error before TensorFlow starts.
    path = originals.weights(method, backbones.load(config.img_model))
    return {"pretrained": path} if path and "pretrained" not in given else {}


def _chosen(values, asked, why):
    """Lines for the user on the settings that were not asked for."""
    return [f"  --{name}={value}, {why}" for name, value in values.items() if name not in asked]


def check_dataset(name, method=None):
    """Raises ValueError for an unknown dataset; known are the names of a method's original too."""
    known = [originals.dataset_name(one, name) for one in ([method] if method else methods.names())]
    data.check_name(next((other for other in known if other != name), name))


def with_bits(kind, given, others):
    """`given` with the settings that give codes of `bits` in place of `bits`, where that stands.

    Args:
        kind: a `Config`, with a setting `bits` of its own or without.
        given: `{setting: value}`.
        others: those that are not at their defaults, besides.
    Raises:
        ValueError: there are no codes of so many bits, or they do not agree with what is given.
    """
    if "bits" not in given or "bits" in fields.names(kind):
        return given
    bits, given = given["bits"], {n: v for n, v in given.items() if n != "bits"}
    asked = kind.of_bits(bits, others | given)
    made = kind.of(others | asked | given).bits
    if made != bits:
        against = " ".join(f"--{name}={given[name]}" for name in asked if name in given)
        raise ValueError(
            f"Expected --bits to agree with {against}, which make codes of {made} bits. "
            f"Received: --bits={bits}. Leave one of them out."
        )
    return asked | given


def files_of(values):
    """`{part: path}` of the image lists among some settings, "" for none."""
    return {part: values.get(f"{part}_file", "") for part in data.FILES}


def check_names(given, known):
    """Raises ValueError where a name is none of the `known` ones, with the nearest of them."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"Unknown setting {name!r}.{hint}")


def absolute(name, value):
    """The value of a setting as it is stored: a path holds from every folder."""
    if value and fields.notes(Data, name).get("folder"):
        return os.path.abspath(os.path.expanduser(value))
    if name == "dataset" and str(value).startswith("folder:"):
        return "folder:" + os.path.abspath(os.path.expanduser(value.removeprefix("folder:")))
    return value
