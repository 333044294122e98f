"""What a process can know about itself, on Linux."""

from __future__ import annotations

import os
import resource
from pathlib import Path

_at_start = 0


def start_memory() -> None:
    """From here on `memory` counts."""
    global _at_start
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what is held now
    _at_start = _peak()


def memory() -> int:
    """The most bytes of RAM held at a time since `start_memory`, above what was held then."""
    return _peak() - _at_start


def bytes_read() -> int:
    """By read calls so far, whether from the page cache or from the disk."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"])


def cpu_seconds() -> float:
    """Of all threads so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def machine() -> tuple[float, float]:
    """Seconds of CPU since boot, of all cores: (by processes not of this run, all there were).

    Children count as of this run when they have ended.
    """
    jiffies = [int(word) for word in Path("/proc/stat").read_text().split(maxsplit=9)[1:9]]
    user, nice, system, idle, waiting, irq, soft_irq, steal = (
        value / os.sysconf("SC_CLK_TCK") for value in jiffies
    )
    of_others = user + nice + system + irq + soft_irq + steal
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        of_others -= usage.ru_utime + usage.ru_stime
    return of_others, sum(jiffies) / os.sysconf("SC_CLK_TCK")


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("found no VmHWM in /proc/self/status; measure on Linux")
