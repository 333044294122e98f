"""What a fork does to TensorFlow: its threads are not in the process that comes out of it."""

from __future__ import annotations

import os
import warnings

from tensorflow.python.eager import context

_threads_are_missing = False


def warn() -> None:
    """Warns, once, in a process that was forked from one where TensorFlow had begun its threads.

    What was begun before waits for threads that are not there, without a word. So does a training,
    and a Dataset that is made after the fork, unless the small work it has needs no such thread.
    """
    global _threads_are_missing
    if not _threads_are_missing:
        return
    _threads_are_missing = False
    warnings.warn(
        f"process {os.getpid()} was forked from one in which TensorFlow was at work, whose threads "
        "are missing here: a training will hang, and so may a Dataset; "
        "start processes by multiprocessing.get_context('spawn'), or read batches() alone",
        stacklevel=4,
    )


def _look() -> None:
    """In the child: whether there were threads. A context without a handle has begun none."""
    global _threads_are_missing
    begun = context.context_safe()
    _threads_are_missing = getattr(begun, "_context_handle", None) is not None


os.register_at_fork(after_in_child=_look)
