"""Globs to files."""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import os
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from sampling.errors import SamplingError
from sampling.files.reading import ahead, gfile, is_local, open_binary, read_range, telling

Globs = Any  # a glob, a file's or a folder's name (str or path), or a list of them


@dataclasses.dataclass(frozen=True)
class File:
    """A file as it was when it was listed; size in bytes."""

    path: str
    size: int
    modified: int

    def open(self) -> contextlib.AbstractContextManager[BinaryIO]:
        """Its bytes, which can be read anywhere."""
        return open_binary(self.path)

    def read(self, opened: BinaryIO, start: int, end: int) -> bytes:
        """The bytes [start, end), all of them, of the file that was opened.

        Raises:
            SamplingError: the file has become shorter than it was listed.
        """
        data = read_range(opened, start, min(end, self.size))
        if len(data) < min(end, self.size) - start:
            raise SamplingError(
                f"{self.path} has become shorter since it was listed: found it to end at byte "
                f"{start + len(data):,}, expected {self.size:,} bytes; leave files alone while "
                "they are read, or build the input function anew"
            )
        return data

    def check_unchanged(self) -> None:
        """Raises SamplingError if the file is gone or is not what was listed.

        Counts, blocks and everything derived from them would be wrong.
        """
        try:
            now = stat(self.path)
        except FileNotFoundError:
            raise SamplingError(
                f"{self.path} has vanished since it was listed, expected it to stay; put it back, "
                "or build the input function anew"
            ) from None
        if now != self:
            found = f"of {now.size:,} bytes" if now.size != self.size else "written again"
            raise SamplingError(
                f"{self.path} has changed since it was listed: found it {found}, expected the "
                f"{self.size:,} bytes of then; leave files alone while they are read, "
                "or build the input function anew"
            )


def list_files(globs: Globs, role: str) -> list[File]:
    """The files that match, each once, sorted by path; local ones by their absolute paths.

    Args:
        globs: a glob, a path or a folder (all its visible files), or a list of such.
        role: the argument's name, for the error.

    Raises:
        SamplingError: nothing matches one of them.
    """
    paths: set[str] = set()
    for pattern in _patterns(globs, role):
        with telling(pattern):
            matches = _matches(pattern)
        if not matches:
            bracket = "; a bracket that is meant is written [[]" if "[" in pattern else ""
            raise SamplingError(
                f"{role}: no file matches {pattern!r}, expected a glob such as data/*.csv, a file "
                f"or a folder with files; fix the path{bracket}"
            )
        paths.update(matches)
    return list(ahead(stat, sorted(paths), all(map(is_local, paths))))


def _patterns(globs: Globs, role: str) -> Iterator[str]:
    if isinstance(globs, (str, os.PathLike)):
        globs = [globs]
    is_list = isinstance(globs, Iterable) and not isinstance(globs, bytes)
    if not is_list or not (globs := list(globs)):
        raise SamplingError(
            f"{role} is {globs!r}, expected a glob or a list of globs; name the files"
        )
    for pattern in globs:
        if not isinstance(pattern, (str, os.PathLike)) or not os.fspath(pattern):
            raise SamplingError(f"{role} has {pattern!r}, expected a glob; name the files")
        yield os.fspath(pattern)


def _matches(pattern: str) -> list[str]:
    if not is_local(pattern):
        return _remote_matches(pattern)
    path = os.path.abspath(os.path.expanduser(pattern))  # one file, one name
    if os.path.isfile(path):  # even if its name has a bracket or a star in it
        return [path]
    if os.path.isdir(path):
        path = os.path.join(glob.escape(path), "*")
    return [match for match in glob.glob(path, recursive=True) if os.path.isfile(match)]


def _remote_matches(pattern: str) -> list[str]:
    remote = gfile()
    if remote.isdir(pattern):
        pattern = pattern.rstrip("/") + "/*"
    hidden = pattern.rsplit("/", 1)[-1].startswith(".")  # as with local files: only if asked for
    visible = [
        path
        for path in remote.glob(pattern)
        if hidden or not path.rsplit("/", 1)[-1].startswith(".")
    ]
    folders = ahead(lambda path: remote.stat(path).is_directory, visible, local=False)
    return [path for path, is_folder in zip(visible, folders, strict=True) if not is_folder]


def stat(path: str) -> File:
    if is_local(path):
        status = os.stat(path)
        return File(path, status.st_size, status.st_mtime_ns)
    with telling(path):
        remote = gfile().stat(path)
    return File(path, remote.length, remote.mtime_nsec)
