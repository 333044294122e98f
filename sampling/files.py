"""Globs to files, and bytes out of them.

Local files are read by plain system calls, everything else (gs:// and the like) by `tf.io.gfile`,
which is slower by a factor of twenty and imported only then. It tries again what fails in passing
(ten times, waiting ever longer, some minutes in all); what fails for good is told in a sentence.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO, TypeVar

Globs = Any  # a glob, a file's or a folder's name (str or path), or a list of them

_IN_FLIGHT = 8  # requests to a bucket at a time: most of a short read is waiting for its first byte
# TensorFlow's client fetches this much at a time (and by default keeps 64 MiB for every handle).
REMOTE_CACHE = {"GCS_READ_CACHE_BLOCK_SIZE_MB": "1", "GCS_READ_CACHE_MAX_SIZE_MB": "16"}

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class File:
    """A file as it was when it was listed; size in bytes."""

    path: str
    size: int
    modified: int

    def open(self) -> contextlib.AbstractContextManager[BinaryIO]:
        """Its bytes, which can be read anywhere."""
        return open_binary(self.path)

    def check_unchanged(self) -> None:
        """Raises ValueError if the file is gone or is not what was listed.

        Counts, blocks and everything derived from them would be wrong.
        """
        try:
            now = stat(self.path)
        except FileNotFoundError:
            raise ValueError(
                f"{self.path} has vanished since it was listed, expected it to stay; put it back, "
                "or build the input function anew"
            ) from None
        if now != self:
            found = f"of {now.size:,} bytes" if now.size != self.size else "written again"
            raise ValueError(
                f"{self.path} has changed since it was listed: found it {found}, expected the "
                f"{self.size:,} bytes of then; leave files alone while they are read, "
                "or build the input function anew"
            )


def is_local(path: str) -> bool:
    return "://" not in path


def list_files(globs: Globs, role: str) -> list[File]:
    """The files that match, each once, sorted by path; local ones by their absolute paths.

    Args:
        globs: a glob, a path or a folder (all its visible files), or a list of such.
        role: the argument's name, for the error.

    Raises:
        ValueError: nothing matches one of them.
    """
    paths: set[str] = set()
    for pattern in _patterns(globs, role):
        with telling(pattern):
            matches = _matches(pattern)
        if not matches:
            bracket = "; a bracket that is meant is written [[]" if "[" in pattern else ""
            raise ValueError(
                f"{role}: no file matches {pattern!r}, expected a glob such as data/*.csv, a file "
                f"or a folder with files; mend the path{bracket}"
            )
        paths.update(matches)
    return list(ahead(stat, sorted(paths), all(map(is_local, paths))))


class LocalBytes(io.FileIO):
    """A local file's bytes, for `read_range` by any number of threads; closed when none is left."""

    def __init__(self, file: File):
        super().__init__(file.path)

    def __del__(self) -> None:
        self.close()


@contextlib.contextmanager
def open_binary(path: str) -> Iterator[BinaryIO]:
    """A file to read from.

    Raises:
        OSError: it can't be opened, or read.
    """
    if is_local(path):
        with open(path, "rb", buffering=0) as opened:  # reads are large, and here and there
            yield opened
    else:
        with telling(path), _gfile().GFile(path, "rb") as opened:
            yield opened


def ahead(
    function: Callable[[Item], Result], items: Iterable[Item], local: bool
) -> Iterator[Result]:
    """A function's results for some items, in order; of files in buckets several are in flight."""
    if local:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(_IN_FLIGHT) as threads:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(threads.submit(function, item))
                if len(waiting) > _IN_FLIGHT:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def telling(path: str) -> Iterator[None]:
    """Says what a bucket's service complained of in a sentence that names the object.

    Raises:
        OSError: of the kind that fits, in place of TensorFlow's.
    """
    try:
        yield
    except Exception as error:
        if is_local(path) or not (told := _told(path, error)):
            raise
        raise told from error


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
    if isinstance(file, io.FileIO):  # in one call, wherever others are reading
        return os.pread(file.fileno(), max(0, end - start), start)
    file.seek(start)
    return file.read(max(0, end - start))


def _patterns(globs: Globs, role: str) -> Iterator[str]:
    if isinstance(globs, (str, os.PathLike)):
        globs = [globs]
    is_list = isinstance(globs, Iterable) and not isinstance(globs, bytes)
    if not is_list or not (globs := list(globs)):
        raise ValueError(f"{role} is {globs!r}, expected a glob or a list of globs; name the files")
    for pattern in globs:
        if not isinstance(pattern, (str, os.PathLike)) or not os.fspath(pattern):
            raise ValueError(f"{role} has {pattern!r}, expected a glob; name the files")
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
    gfile = _gfile()
    if gfile.isdir(pattern):
        pattern = pattern.rstrip("/") + "/*"
    hidden = pattern.rsplit("/", 1)[-1].startswith(".")  # as with local files: only if asked for
    visible = [
        path
        for path in gfile.glob(pattern)
        if hidden or not path.rsplit("/", 1)[-1].startswith(".")
    ]
    folders = ahead(lambda path: gfile.stat(path).is_directory, visible, local=False)
    return [path for path, is_folder in zip(visible, folders, strict=True) if not is_folder]


def stat(path: str) -> File:
    if is_local(path):
        status = os.stat(path)
        return File(path, status.st_size, status.st_mtime_ns)
    with telling(path):
        remote = _gfile().stat(path)
    return File(path, remote.length, remote.mtime_nsec)


def _told(path: str, error: Exception) -> OSError | None:
    """None: it is none of TensorFlow's."""
    import tensorflow as tf

    if not isinstance(error, tf.errors.OpError):
        return None
    bucket = "/".join(path.split("/")[:3])
    message = error.message.partition("\n")[0]
    if isinstance(error, tf.errors.NotFoundError):
        return FileNotFoundError(
            f"{path} is not there: expected an object of the bucket {bucket}; mend the path, or "
            "create the bucket"
        )
    if isinstance(error, (tf.errors.PermissionDeniedError, tf.errors.UnauthenticatedError)):
        return PermissionError(
            f"{path} can't be read or written: {bucket} refuses access; log in by `gcloud auth "
            "application-default login`, or name a service account's key file in "
            "GOOGLE_APPLICATION_CREDENTIALS, and let that account use the bucket"
        )
    return OSError(
        f"{path} can't be read or written: {message}; expected an answer of the service, which "
        "did not come after several tries; try again later"
    )


def _gfile() -> Any:
    import tensorflow as tf

    return tf.io.gfile
