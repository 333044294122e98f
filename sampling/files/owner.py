"""Who writes something: a process, by a name that tells on the same host whether it still runs."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

_NAME = re.compile(r"(.+)-(\d+)-(\d+)-[0-9a-f]{8}")


def name() -> str:
    """ "host-pid-start-random": another one at every call, of this process.

    The start of the process, in clock ticks since the host's, tells processes apart that were given
    the same number one after the other.
    """
    return f"{socket.gethostname()}-{os.getpid()}-{_start(os.getpid())}-{os.urandom(4).hex()}"


def is_gone(owner: str) -> bool:
    """Whether it was a process of this host that runs no more; False where that is not known."""
    match = _NAME.fullmatch(owner)
    if match is None or match[1] != socket.gethostname():
        return False
    pid = int(match[2])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is there, and another user's
        return False
    return _start(pid) != int(match[3])


def shown(owner: str) -> str:
    """For errors: "process 17 on host"."""
    match = _NAME.fullmatch(owner)
    return f"process {match[2]} on {match[1]}" if match else owner


def _start(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # not Linux
        return 0
    return int(text.rpartition(")")[2].split()[19])
