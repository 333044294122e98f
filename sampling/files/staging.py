"""Hidden folders beside what is being written, which later runs recognize as left behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator

from sampling.files import owner

REPLACED = "replaced"  # what is being overwritten, in the moment between two renamings
_NAME = re.compile(r"\.(.+)\.writing-(.+)", re.DOTALL)  # of what, and by whom
_MOST_BYTES = 120  # of a name's beginning, since names with the owner's in them may be 255 long


@contextlib.contextmanager
def staged(path: str) -> Iterator[str]:
    """A hidden local folder in the file system of `path`, removed in the end with what is in it.

    Those in the same place that processes of this host have left behind are removed, too.
    """
    parent, name = os.path.split(path)
    os.makedirs(parent, exist_ok=True)
    _sweep(parent)
    shown = os.fsencode(name)[:_MOST_BYTES].decode(errors="ignore")
    stage = os.path.join(parent, f".{shown}.writing-{owner.name()}")
    os.mkdir(stage)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _sweep(parent: str) -> None:
    for name in os.listdir(parent):
        match = _NAME.fullmatch(name)
        if match is None or not owner.is_gone(match[2]):
            continue
        left, path = os.path.join(parent, name), os.path.join(parent, match[1])
        with contextlib.suppress(OSError):  # it was killed between the renamings
            if not os.path.lexists(path):
                os.rename(os.path.join(left, REPLACED), path)
        shutil.rmtree(left, ignore_errors=True)
