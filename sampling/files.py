"""Globs to files, and bytes out of them.

Local files are read by plain system calls, everything else (gs:// and the like) by `tf.io.gfile`,
which is slower by a factor of twenty and imported only then.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import os
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

Globs = Any  # a glob, a file's or a folder's name (str or path), or a list of them


@dataclasses.dataclass(frozen=True)
class File:
    """A file as it was when it was listed; size in bytes."""

    path: str
    size: int
    modified: int

    def check_unchanged(self) -> None:
        """Raises ValueError if the file is gone or is not what was listed.

        Counts, blocks and everything derived from them would be wrong.
        """
        try:
            now = _stat(self.path)
        except OSError:
            raise ValueError(
                f"{self.path} has vanished since it was listed; put it back, "
                "or build the input function anew"
            ) from None
        if now != self:
            raise ValueError(
                f"{self.path} has changed since it was listed (it had {self.size:,} bytes and "
                f"has {now.size:,}); leave files alone while they are read, "
                "or build the input function anew"
            )


def is_local(path: str) -> bool:
    return "://" not in path


def list_files(globs: Globs, role: str) -> list[File]:
    """The files that match, each once, sorted by path.

    Args:
        globs: a glob, a path or a folder (all its visible files), or a list of such.
        role: the argument's name, for the error.

    Raises:
        ValueError: nothing matches one of them.
    """
    paths: set[str] = set()
    for pattern in _patterns(globs, role):
        matches = _matches(pattern)
        if not matches:
            raise ValueError(
                f"{role}: no file matches {pattern!r}; mend the path "
                "(a glob such as data/*.csv, a file or a folder)"
            )
        paths.update(matches)
    return [_stat(path) for path in sorted(paths)]


def open_binary(path: str) -> contextlib.AbstractContextManager[BinaryIO]:
    if is_local(path):
        return open(path, "rb")
    return _gfile().GFile(path, "rb")


def read_text(path: str) -> str:
    """A small text file as a whole.

    Raises:
        ValueError: it can't be read, or is not UTF-8.
    """
    try:
        with open_binary(path) as file:
            return file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text in UTF-8; convert it") from None
    except Exception as error:  # every file system has an exception of its own for this
        raise ValueError(f"can't read {path}: {error}") from error


def read_range(file: BinaryIO, start: int, end: int) -> bytes:
    """The bytes [start, end) of an open file, fewer at its end."""
    file.seek(start)
    return file.read(max(0, end - start))


def _patterns(globs: Globs, role: str) -> Iterator[str]:
    if globs is None or isinstance(globs, (str, os.PathLike)):
        globs = [globs]
    if not isinstance(globs, Iterable) or not (globs := list(globs)):
        raise ValueError(f"{role} is {globs!r}, expected a glob or a list of globs; name the files")
    for pattern in globs:
        if not isinstance(pattern, (str, os.PathLike)) or not os.fspath(pattern):
            raise ValueError(f"{role} has {pattern!r}, expected a glob; name the files")
        yield os.fspath(pattern)


def _matches(pattern: str) -> list[str]:
    if not is_local(pattern):
        gfile = _gfile()
        if gfile.isdir(pattern):
            pattern = pattern.rstrip("/") + "/*"
        return [path for path in gfile.glob(pattern) if not gfile.isdir(path)]
    if os.path.isfile(pattern):  # even if its name has a bracket or a star in it
        return [pattern]
    if os.path.isdir(pattern):
        pattern = os.path.join(glob.escape(pattern), "*")
    return [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)]


def _stat(path: str) -> File:
    if is_local(path):
        status = os.stat(path)
        return File(path, status.st_size, status.st_mtime_ns)
    gfile_status = _gfile().stat(path)
    return File(path, gfile_status.length, gfile_status.mtime_nsec)


def _gfile() -> Any:
    import tensorflow as tf

    return tf.io.gfile
