"""Reads MATLAB 5 files, first in a process that may die of them."""

import os

from tfhash import files, sandbox

# Bytes that reading a file may take, and how many each of its own may justify: zeros and ones,
# stored as bytes and compressed, come to a hundredth.
MEMORY, JUSTIFIED = 768 * sandbox.MIB, 100


def load(path):
    """`{name: value}` of the variables of a MATLAB 5 file, as `scipy.io.loadmat` gives them.

    Raises:
        ValueError: the file is missing, damaged, of another format, or takes more memory than
            its size justifies; names it.
    """
    files.opened(path, "a .mat file").close()
    size = os.path.getsize(path)
    memory = max(MEMORY, JUSTIFIED * size)
    reason = sandbox.failure(_read, path, memory=memory, size=size)
    if reason:
        raise ValueError(
            f"Expected a complete MATLAB 5 file at `{path}` that takes up to "
            f"{memory // sandbox.MIB} MiB to read: {reason}. MATLAB writes one by save with '-v7'; "
            "a large matrix takes less as uint8, or sparse."
        )
    return {name: value for name, value in _read(path).items() if not name.startswith("__")}


def _read(path):
    import scipy.io

    with open(path, "rb") as file:
        return scipy.io.loadmat(file, appendmat=False)
