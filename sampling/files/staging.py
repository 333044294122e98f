"""Hidden folders beside what is being written, which later runs recognize as left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

from sampling.files import owner

REPLACED = "replaced"  # what is being overwritten, in the moment between two renamings
_SHOWN = 80  # characters of the name, which must not become too long with the owner's


@contextlib.contextmanager
def staged(path: str) -> Iterator[str]:
    """A hidden local folder in the file system of `path`, removed in the end with what is in it.

    Those that processes of this host left behind for the same path are removed, too.
    """
    parent, name = os.path.split(path)
    os.makedirs(parent, exist_ok=True)
    prefix = f".{name[:_SHOWN]}.writing-"
    _sweep(parent, prefix, path)
    stage = os.path.join(parent, prefix + owner.name())
    os.mkdir(stage)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _sweep(parent: str, prefix: str, path: str) -> None:
    for name in os.listdir(parent):
        if not name.startswith(prefix) or not owner.is_gone(name[len(prefix) :]):
            continue
        left = os.path.join(parent, name)
        with contextlib.suppress(OSError):  # it was killed between the renamings
            if not os.path.lexists(path):
                os.rename(os.path.join(left, REPLACED), path)
        shutil.rmtree(left, ignore_errors=True)
