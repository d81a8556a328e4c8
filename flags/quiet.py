"""Starts TensorFlow and OpenCV without the lines that they write past Python's logging.

They come back with --debug, or where TF_CPP_MIN_LOG_LEVEL or OPENCV_LOG_LEVEL is set.
"""

import contextlib
import os
import sys

LEVEL_GIVEN = "TF_CPP_MIN_LOG_LEVEL" in os.environ  # looked at before tfhash sets it
if "--debug" not in sys.argv:  # OpenCV reads it when it is loaded
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")


@contextlib.contextmanager
def _native_stderr_closed():
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def start_tensorflow():
    """Imports TensorFlow, which takes seconds, once a command knows that its line is right."""
    shown = LEVEL_GIVEN or "--debug" in sys.argv
    with contextlib.nullcontext() if shown else _native_stderr_closed():
        import tensorflow as tf

        tf.config.list_physical_devices()  # looks for GPUs, and reports each failure
