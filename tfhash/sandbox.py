"""Tries a function in a process of its own, which may die of what it reads.

Readers in C and C++ (SciPy's, TensorFlow's, FAISS') end the whole process on some damaged files,
or take more memory than there is. Such a file is read once in a process that has limits and
nothing to lose, and only then in this one.
"""

import importlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time

from tfhash import checks

CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from tfhash import sandbox; "
    "sandbox.child(*sys.argv[2:])"
)
FAILED = 3  # exit status of a child whose function raised an error
MIB = 2**20
# Bytes of the child's stack, a quarter of what a process has as a rule: what is nested so deep
# that it just comes through there does not break this one.
STACK = 2 * MIB
SECONDS, BYTES_A_SECOND = 8, 2**23  # of the processor, and for what is read: any disk is faster


def failure(function, path, *, memory, size):
    """Why `function(path)` fails in a process of its own, in a few words; None if it does not.

    Args:
        function: of a module, taking one path; the child imports its module.
        path: the file.
        memory: bytes that it may take beyond those of the imported module.
        size: bytes that are read, for the time that it may take.
    """
    name = f"{function.__module__}:{function.__qualname__}"
    command = [sys.executable, "-I", "-c", CODE, json.dumps(sys.path), name, os.fspath(path)]
    seconds = SECONDS + size // BYTES_A_SECOND
    hidden = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [*command, str(memory), str(seconds)],
        env=os.environ | hidden,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for this process: a child that it ends says nothing
    )
    return reason(done.returncode, done.stdout.decode(errors="replace"), memory, seconds)


def reason(status, message, memory, seconds):
    """What `failure` returns for a child's exit status (under 0 for a signal) and its message."""
    if status == 0:
        return None
    if status == FAILED:
        return checks.brief(message)
    if status == -signal.SIGXCPU:
        return f"reading it takes more than {seconds} s"
    ends = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    # C++ code that gets no memory aborts as a rule.
    return (
        f"reading it ends the process {ends}, so it is damaged or takes more than "
        f"{memory // MIB} MiB"
    )


def child(name, path, memory, seconds):
    """What runs in the child: `name` is "module:function"."""
    module, _, function = name.partition(":")
    run(getattr(importlib.import_module(module), function), path, int(memory), int(seconds))


def run(function, path, memory, seconds):
    """Ends this process, within the limits, as `reason` reads it."""
    limit(memory, seconds)
    threading.stack_size(STACK)
    thread = threading.Thread(target=attempt, args=(function, path, memory))
    thread.start()
    thread.join()


def attempt(function, path, memory):
    """Ends this process with 0 if `function(path)` comes to its end, else with `FAILED`."""
    try:
        function(path)
    except MemoryError:
        message = f"reading it takes more than {memory // MIB} MiB"
    except Exception as error:  # of any kind: the parent raises it as one of its own
        message = checks.brief(error)
    else:
        os._exit(0)  # without the destructors of libraries, which may wait for threads
    os.write(1, message.encode(errors="replace"))
    os._exit(FAILED)


def limit(memory, seconds):
    """Bounds what this process may take, beyond what it has taken, in bytes and CPU seconds.

    Where the system does not say how much memory it has (other than Linux), that has no bound.
    """
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    until = math.ceil(time.process_time()) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, until + 1))
    if not os.path.exists("/proc/self/status"):
        return
    with open("/proc/self/status") as file:
        taken = 1024 * int(re.search(r"VmData:\s*(\d+)", file.read())[1])
    resource.setrlimit(resource.RLIMIT_DATA, (taken + memory,) * 2)
