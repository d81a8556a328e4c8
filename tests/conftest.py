"""Sets TensorFlow up for the tests: two virtual CPU devices, full float32."""

import tfhash  # noqa: F401, I001  sets TensorFlow's environment before it is imported
import pathlib
import shutil
import sys

import pytest
import tensorflow as tf

import run_compare
import run_embed
import run_search
import run_test
import run_train
from flags import common
from tests.commands import QUICK

COMMANDS = {
    run_train: (run_train.train, common.TRAIN),
    run_test: (run_test.test, common.TEST),
    run_compare: (run_compare.compare, common.COMPARE),
    run_embed: (run_embed.write, common.EMBED),
    run_search: (run_search.search, common.SEARCH),
}


def pytest_configure(config):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    tf.config.experimental.enable_tensor_float_32_execution(False)


@pytest.fixture(scope="session")
def mirrored():
    """MirroredStrategy over two virtual CPU devices."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in this process, in an empty folder: (exit status, output, errors)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no_tfds"))
    monkeypatch.setenv("HOME", str(tmp_path / "no_home"))

    def of(script, *arguments):
        monkeypatch.setattr(sys, "argv", [script.__name__ + ".py", *arguments])
        status = 0
        try:
            common.main(*COMMANDS[script], "usage\n")
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return of


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    """A model of two epochs."""
    path = tmp_path_factory.mktemp("trained") / "m"
    with pytest.MonkeyPatch.context() as patch:
        flags = (*QUICK, "--dataset=digits", "--save_every=1", f"--model={path}")
        patch.setattr(sys, "argv", ["run_train.py", *flags])
        common.main(run_train.train, common.TRAIN, "usage\n")
    return path


@pytest.fixture
def trained(run, trained_once):
    """A copy of it in `m`."""
    return pathlib.Path(shutil.copytree(trained_once, "m"))
