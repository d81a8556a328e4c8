"""Baselines and learned codes at equal bytes, on CIFAR-10's embeddings by a backbone of our own.

    TFHASH_SHARED=/data python benchmarks/cifar10_table.py [--unseen] [--folder=models/cifar10]

$TFHASH_SHARED/data has cifar10.py and its archive. Of the archive's test part 100 images of each
class are queries and the other 9000 the database, so no training has seen either. The 50 000 of its
training part train a backbone from scratch, by run_train.py --method=classifier, then the codes of
its features, by run_compare.py. With --unseen both know seven of the ten classes, and the queries
of the other three are measured apart. What is there already is not made again.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import tfhash  # noqa: E402, I001  sets TensorFlow's environment before it is imported
import numpy as np  # noqa: E402
from absl import app, flags as absl_flags  # noqa: E402

from tfhash import data  # noqa: E402
from tfhash.methods import float as floats  # noqa: E402
from tfhash.model import Model  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_string("folder", "models/cifar10", "Where all is written.")
absl_flags.DEFINE_bool("unseen", False, "Hold three classes out of every training.")
absl_flags.DEFINE_string("backbone", "ResNet18", "The network; its features are the embeddings.")
absl_flags.DEFINE_integer(
    "epochs", 6, "Passes of the backbone's training: a quarter of an hour on two cores."
)
absl_flags.DEFINE_integer("limit", 0, "Images of each class and part at most; 0: all.")
absl_flags.DEFINE_list("bits", ["16", "32", "64"], "Lengths of codes.")
absl_flags.DEFINE_integer("seeds", 3, "Trainings of each code.")
absl_flags.DEFINE_multi_string("more", [], "Further flags of run_compare.py.")

QUERIES = 100  # of each class
CLASSES = 10
UNSEEN = "--unseen_classes=3"
METHODS = (  # without opq and rq, which take minutes for a fit to 512 numbers
    *("float", "lsh", "pca", "itq", "pca_rotation", "pq"),
    *("classifier", "csq", "gpq", "dch", "dhn", "latent"),
)
# About 1500 steps of each.
SETTINGS = {"classifier.epochs": 4, "csq.epochs": 4, "gpq.epochs": 4, "latent.max_steps": 1500}


def archive():
    """The `Archive` of $TFHASH_SHARED/data/cifar10.py."""
    path = pathlib.Path(os.environ.get("TFHASH_SHARED", ROOT.parent / "shared"), "data/cifar10.py")
    if not path.exists():
        raise SystemExit(f"{path} is missing. Set TFHASH_SHARED to the folder that holds data/.")
    spec = importlib.util.spec_from_file_location("cifar10", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Archive()


def parts(images):
    """`{list of tfhash: positions in the archive}`."""
    found = {"train": [], "test": [], "database": []}
    for label in range(CLASSES):
        own = [np.flatnonzero((images.labels == label) & (images.is_test == t)) for t in (0, 1)]
        limit = FLAGS.limit or len(images)
        found["train"].append(own[0][:limit])
        found["test"].append(own[1][:QUERIES][:limit])
        found["database"].append(own[1][QUERIES:][:limit])
    return {name: np.concatenate(positions) for name, positions in found.items()}


def write_images(folder):
    """The lists of the parts, and their JPEG files."""
    images = archive()
    (folder / "jpg").mkdir(parents=True, exist_ok=True)
    for name, positions in parts(images).items():
        lines = []
        for position in positions:
            (folder / f"jpg/{position}.jpg").write_bytes(images.jpeg(position))
            one_hot = np.eye(CLASSES, dtype=int)[images.labels[position]]
            lines.append(f"jpg/{position}.jpg {' '.join(map(str, one_hot))}\n")
        (folder / f"{name}.txt").write_text("".join(lines))


def run(script, *arguments):
    """Runs a command; ends this program as it ends where it fails or is stopped."""
    print(script, *arguments, flush=True)
    status = subprocess.run([sys.executable, str(ROOT / script), *arguments]).returncode
    if status:
        sys.exit(status)


def features_of(model):
    """A `Model` of the method float with the backbone of another."""
    config = floats.Config(img_model=model.config.img_model)
    made = Model("float", config, classes=model.classes, size=model.size)
    learned = {variable.path: variable for variable in model.recipe.network.variables}
    for variable in made.recipe.network.variables:
        variable.assign(learned[variable.path])
    return made


def write_vectors(model, images, folder):
    """Vectors, labels and parts of the images in the lists."""
    splits = data.load("cifar10", data_dir=str(images))
    network = features_of(model)
    given = {"train": splits.train.subset(np.flatnonzero(splits.train.labelled))}
    given |= {"query": splits.query, "database": splits.database}
    folder.mkdir(parents=True, exist_ok=True)
    vectors = [network.embed(part).astype(np.float16) for part in given.values()]
    labels = [part.labels.argmax(axis=1) for part in given.values()]
    names = np.repeat(list(given), [len(part) for part in given.values()])
    np.save(folder / "split.npy", names)
    np.save(folder / "labels.npy", np.concatenate(labels))
    np.save(folder / "vectors.npy", np.concatenate(vectors))


def main(_):
    folder = pathlib.Path(FLAGS.folder)
    images, own = folder / "images", folder / ("unseen" if FLAGS.unseen else "all_classes")
    held = [UNSEEN] if FLAGS.unseen else []
    if not (images / "database.txt").exists():
        write_images(images)
    line = ["--method=classifier", "--dataset=cifar10", f"--data_dir={images}", *held]
    line += [f"--img_model={FLAGS.backbone}", f"--epochs={FLAGS.epochs}", "--save_every=1"]
    line += [f"--model={own / 'backbone'}", "--pretrained="]
    run("run_train.py", *line, *(["--resume"] if (own / "backbone").exists() else []))
    if not (own / "vectors/vectors.npy").exists():
        write_vectors(tfhash.load(own / "backbone"), images, own / "vectors")
    settings = ",".join(f"{name}={value}" for name, value in SETTINGS.items())
    line = [f"--dataset=embeddings:{own / 'vectors'}", f"--methods={','.join(METHODS)}", *held]
    line += [f"--bits={','.join(FLAGS.bits)}", f"--seeds={FLAGS.seeds}", f"--set={settings}"]
    run("run_compare.py", *line, f"--out={own / 'comparison'}", *FLAGS.more)


if __name__ == "__main__":
    app.run(main)
