"""A function in a forked process: nothing is imported again; limits and signals are its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

from tqdm.std import tqdm

# Its own lock is shared by forked processes, of which one that is killed would keep it.
tqdm.set_lock(threading.RLock())
tqdm.monitor_interval = 0  # nor is there to be a thread that holds it at a fork


class Forked:
    """Begins at once; a context that waits for its end.

    Args:
        function: called in the other process, as a program: SystemExit is its end.
        arguments: its.
        seconds: after which it is ended by SIGALRM, since it hangs.

    Attributes:
        pid: of the process.
        returncode: the exit status, or -signal; None: it is not known to have ended.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any, seconds: int = 300):
        self._said, write = os.pipe()
        self.returncode: int | None = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of forks beside threads: none of them is needed
            self.pid = os.fork()
        if self.pid == 0:
            os.close(self._said)
            signal.alarm(seconds)
            _end(function, arguments, write)
        os.close(write)

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, *_: Any) -> None:
        self.wait()

    def poll(self) -> int | None:
        if self.returncode is None:
            self._ended(*os.waitpid(self.pid, os.WNOHANG))
        return self.returncode

    def wait(self) -> str:
        """What it said on stderr, all of it, once it has ended."""
        with os.fdopen(self._said) as file:
            said = file.read()
        while self.poll() is None:
            time.sleep(0.001)
        self._said = os.open(os.devnull, os.O_RDONLY)
        return said

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, pid: int, status: int) -> None:
        if pid:
            self.returncode = os.waitstatus_to_exitcode(status)


def _end(function: Callable[..., Any], arguments: tuple[Any, ...], write: int) -> None:
    status = 70
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(write, 2)
        sys.stdout, sys.stderr = (os.fdopen(each, "w", closefd=False) for each in (1, 2))
        function(*arguments)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else bool(end.code)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
