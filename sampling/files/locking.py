"""One writer at a time: locks of local files, and marks in buckets, which know no locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from sampling.errors import SamplingError
from sampling.files import owner
from sampling.files.creating import create, remove
from sampling.files.reading import gfile, is_local, telling

_MARK = "_writing-"


@contextlib.contextmanager
def lock(directory: str, name: str) -> Iterator[None]:
    """Holds a directory for one purpose, until the context ends or the process does.

    Args:
        directory: local or of a bucket; it is made.
        name: of the file that says who holds it; what is written there, for the error.

    Raises:
        SamplingError: another process holds it, which is named.
    """
    if not is_local(directory):
        with marked(directory, name):
            yield
        return
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, name)
    held = _held(path)
    try:
        yield
    finally:
        os.unlink(path)
        os.close(held)


def _held(path: str) -> int:
    """An open file that this process alone has locked, which the system undoes when it ends."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _refuse(path, file)
        except BaseException:
            os.close(file)
            raise
        try:
            if os.path.samestat(os.fstat(file), os.stat(path)):
                os.truncate(file, 0)
                os.pwrite(file, owner.name().encode(), 0)
                return file
        except FileNotFoundError:
            pass
        os.close(file)  # who held it has just removed it: this is no longer the file of that name


def _refuse(path: str, file: int) -> None:
    by = os.pread(file, 1000, 0).decode(errors="replace")
    os.close(file)
    raise _taken(path, owner.shown(by) if by else "another process")


def _taken(path: str, by: str) -> SamplingError:
    return SamplingError(
        f"{path} is held by {by}, which writes there; wait until it has ended, or write elsewhere"
    )


@contextlib.contextmanager
def marked(directory: str, name: str = "") -> Iterator[str]:
    """Marks a directory of a bucket as being written; gives the mark's name.

    Each writer leaves a mark and then looks for others: of two at least one sees the other's.

    Raises:
        SamplingError: another process has marked it, which is named.
    """

    begin = f"{_MARK}{name}-" if name else _MARK
    mark = begin + owner.name()
    with create(f"{directory}/{mark}") as file:
        file.write(b"\n")
    try:
        for other in gfile(directory).listdir(directory):
            if not other.startswith(begin) or other == mark:
                continue
            path = f"{directory}/{other}"
            if owner.is_gone(other[len(begin) :]):
                remove(path)
                continue
            by = owner.shown(other[len(begin) :])
            raise SamplingError(f"{_taken(path, by)}; if it runs no more, remove that file")
        yield mark
    finally:
        remove(f"{directory}/{mark}")


def marks(directory: str) -> list[str]:
    """The names of those in a directory of a bucket."""

    with telling(directory):
        names = gfile(directory).listdir(directory) if gfile(directory).isdir(directory) else []
    return [name for name in names if name.startswith(_MARK)]


def is_abandoned(directory: str) -> bool:
    """Whether a directory of a bucket has marks, and all of them of processes that are gone."""
    found = marks(directory)
    return bool(found) and all(owner.is_gone(name.removeprefix(_MARK)) for name in found)
