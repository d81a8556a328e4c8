"""Starts TensorFlow and OpenCV without the lines that they write past Python's logging.

Imported by the commands before anything else of the project. They come back with --debug, or
where TF_CPP_MIN_LOG_LEVEL or OPENCV_LOG_LEVEL is set.
"""

import contextlib
import os
import sys


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


if "--debug" not in sys.argv:  # OpenCV reads it when it is loaded
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

if "TF_CPP_MIN_LOG_LEVEL" not in os.environ and "--debug" not in sys.argv:
    with _native_stderr_closed():
        import tfhash  # noqa: F401  sets TensorFlow's environment first

        # isort: split
        import tensorflow as tf

        tf.config.list_physical_devices()  # looks for GPUs, and reports each failure
