"""Globs to files.

Names that begin with "_" or "." are not data (Spark's `_SUCCESS`, Dask's `_metadata`, our
`_manifest.json`): wildcards and folders leave them out, as they do with what is in such folders.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import glob
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import google_crc32c

from sampling.errors import SamplingError, sentence_of
from sampling.files import buckets
from sampling.files.reading import ahead, gfile, is_local, open_binary, read_range, telling

_HIDDEN = ("_", ".")
_CHECKED_IN_BUCKET = 32  # files
_PIECE = 4096  # bytes of a file that its checksum is of, three times

Globs = Any  # a glob, a file's or a folder's name (str or path), or a list of them


@dataclasses.dataclass(frozen=True)
class File:
    """A file as it was when it was listed; size in bytes.

    Args:
        version: another one once it is written: when that was, or what a bucket's service says.
    """

    path: str
    size: int
    version: int | str

    def open(self) -> contextlib.AbstractContextManager[BinaryIO]:
        """Its bytes, which can be read anywhere."""
        return open_binary(self.path, self.version)

    def read(self, opened: BinaryIO, start: int, end: int) -> bytes:
        """The bytes [start, end), all of them, of the file that was opened.

        Raises:
            OSError: they can't be read; the file is named.
            SamplingError: the file has become shorter than it was listed.
        """
        try:
            data = read_range(opened, start, min(end, self.size))
        except OSError as error:
            if error.errno is None or error.filename is not None:
                raise
            raise OSError(error.errno, error.strerror, self.path) from error
        if len(data) < min(end, self.size) - start:
            raise SamplingError(
                f"{self.path} has become shorter since it was listed: found it to end at byte "
                f"{start + len(data):,}, expected {self.size:,} bytes; leave files alone while "
                "they are read, or build the input function anew"
            )
        return data

    def checksum(self) -> str:
        """CRC32C of its first, middle and last 4 KiB, of all of a small one; eight hex digits."""
        starts = sorted({0, max(0, (self.size - _PIECE) // 2), max(0, self.size - _PIECE)})
        if self.size <= 3 * _PIECE:
            starts = list(range(0, self.size, _PIECE))
        with self.open() as opened:
            pieces = [self.read(opened, at, min(self.size, at + _PIECE)) for at in starts]
        return f"{google_crc32c.value(b''.join(pieces)):08x}"

    def check_unchanged(self) -> None:
        """Raises SamplingError if the file is gone or is not what was listed.

        Counts, blocks and everything derived from them would be wrong. Objects of buckets are not
        looked at: each read of one asks for the version that was listed.
        """
        if buckets.is_object(self.path):
            return
        try:
            now = stat(self.path)
        except FileNotFoundError:
            raise SamplingError(
                f"{self.path} has vanished since it was listed, expected it to stay; put it back, "
                "or build the input function anew"
            ) from None
        except OSError as error:
            raise SamplingError(sentence_of(error)) from error
        if now != self:
            found = f"of {now.size:,} bytes" if now.size != self.size else "written again"
            raise SamplingError(
                f"{self.path} has changed since it was listed: found it {found}, expected the "
                f"{self.size:,} bytes of then; leave files alone while they are read, "
                "or build the input function anew"
            )


def checked(listed: Sequence[File]) -> Sequence[File]:
    """Those of some files whose contents are looked at, to know whether they are what they were.

    Of objects of buckets, where each look is two requests, some that are spread over all.
    """
    if all(is_local(file.path) for file in listed):
        return listed
    return listed[:: math.ceil(len(listed) / _CHECKED_IN_BUCKET)]


def list_files(globs: Globs, role: str) -> list[File]:
    """The files that match, each once, sorted by path; local ones by their absolute paths.

    A file that several names lead to by links, as in a loop under `**`, has the shortest of them.
    Files without a byte are left out, unless all are: they are empty shards, in every format.

    Args:
        globs: a glob, a path or a folder (all its visible files), or a list of such. Hidden names,
            with "_" or "." in front, only match themselves or a pattern that begins so.
        role: the argument's name, for the error.

    Raises:
        SamplingError: nothing matches one of them.
    """
    paths: set[str] = set()
    objects: dict[str, File] = {}  # of buckets, whose lists say all
    for pattern in _patterns(globs, role):
        with telling(pattern):
            if buckets.is_object(pattern):
                found = _objects(pattern)
                objects.update(found)
                matches = list(found)
            else:
                matches = _matches(pattern)
        if not matches:
            bracket = "; a bracket that is meant is written [[]" if "[" in pattern else ""
            raise SamplingError(
                f"{role}: no file matches {pattern!r}, expected a glob such as data/*.csv, a file "
                f"or a folder with files; fix the path{bracket}"
            )
        paths.update(matches)
    seen = list(ahead(_seen, sorted(paths - objects.keys()), all(map(is_local, paths))))
    listed = _once([*seen, *((file, None) for file in objects.values())])
    return [file for file in listed if file.size] or listed


def _once(seen: Sequence[tuple[File, Any]]) -> list[File]:
    """Files by one name each. Hard links are several files, by intention, of the same bytes."""
    same: dict[Any, list[File]] = {}
    for file, inode in seen:
        same.setdefault(inode or file.path, []).append(file)
    kept: list[File] = []
    for named in same.values():
        shortest: dict[str, File] = {}
        for file in sorted(named, key=lambda file: (file.path.count("/"), file.path)):
            shortest.setdefault(os.path.realpath(file.path) if len(named) > 1 else "", file)
        kept.extend(shortest.values())
    return sorted(kept, key=lambda file: file.path)


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
    matches = glob.glob(path, recursive=True)
    return [match for match in matches if os.path.isfile(match) and _is_meant(match, path)]


def _objects(pattern: str) -> dict[str, File]:
    """What a bucket's own lists have: a page of a thousand is one request."""
    parts = pattern.rstrip("/").split("/")
    parts += ["*"] if parts[-1] == "**" else []
    place = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    beginning = "/".join([*parts[:place], re.split(r"[*?[]", parts[place])[0]])
    found = {}
    for each in buckets.listed(beginning, below=place < len(parts) - 1):
        if each.name.endswith("/"):  # stands for a folder
            continue
        if each.name == pattern:  # even if its name has a bracket or a star in it
            return {pattern: File(*each)}
        if _fits(each.name.split("/"), parts) and _is_meant(each.name, pattern):
            found[each.name] = File(*each)
        if not glob.has_magic(pattern):
            break  # it would have been the first
    is_folder = not found and not glob.has_magic(pattern)
    return _objects(pattern.rstrip("/") + "/*") if is_folder else found


def _fits(names: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether a path fits a pattern, folder by folder; "**" is any number of them."""
    if not parts or not names:
        return not parts and not names
    if parts[0] == "**":
        return _fits(names, parts[1:]) or _fits(names[1:], parts)
    return fnmatch.fnmatchcase(names[0], parts[0]) and _fits(names[1:], parts[1:])


def _remote_matches(pattern: str) -> list[str]:
    remote = gfile(pattern)
    if remote.isdir(pattern):
        pattern = pattern.rstrip("/") + "/*"
    visible = [path for path in remote.glob(pattern) if _is_meant(path, pattern)]
    folders = ahead(lambda path: remote.stat(path).is_directory, visible, local=False)
    return [path for path, is_folder in zip(visible, folders, strict=True) if not is_folder]


def _is_meant(match: str, pattern: str) -> bool:
    """Whether no hidden name is in a path that a pattern does not name."""
    parts, names = pattern.split("/"), match.split("/")
    literal = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    asked = [part for part in parts[literal:] if part.startswith(_HIDDEN)]
    return not any(
        name.startswith(_HIDDEN) and not any(fnmatch.fnmatchcase(name, part) for part in asked)
        for name in names[literal:]
    )


def _seen(path: str) -> tuple[File, Any]:
    """A file, and what it has in common with other names of it."""
    if not is_local(path):
        return stat(path), None
    status = os.stat(path)
    return File(path, status.st_size, status.st_mtime_ns), (status.st_dev, status.st_ino)


def stat(path: str) -> File:
    if is_local(path):
        status = os.stat(path)
        return File(path, status.st_size, status.st_mtime_ns)
    with telling(path):
        if buckets.is_object(path):
            return File(*buckets.stat(path))
        remote = gfile(path).stat(path)
    return File(path, remote.length, remote.mtime_nsec)
