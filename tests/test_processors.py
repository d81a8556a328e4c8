"""The numbers hold on every kind of processor: the numeric tests, under each setting."""

import os
import subprocess
import sys

import pytest

from tests import golden

NUMERIC = ("backbones", "losses", "methods", "quantization", "training")
SETTINGS = {  # a cap above what the processor has changes nothing
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "AVX-512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "without oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "1 thread": {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"},
    "4 threads": {"TF_NUM_INTRAOP_THREADS": "4", "TF_NUM_INTEROP_THREADS": "4"},
}


@pytest.mark.skipif(
    os.environ.get("TFHASH_LONG_TESTS") != "1", reason="takes an hour; set TFHASH_LONG_TESTS=1"
)
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_numbers_hold(setting, tmp_path):
    environment = {**os.environ, **SETTINGS[setting]}
    for long in ("CI", "TFHASH_LONG_TESTS"):
        environment.pop(long, None)
    folders = [f"tests/{name}" for name in NUMERIC]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-x", *folders]
    done = subprocess.run(
        command, cwd=golden.REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
