"""Bytes out of files, local or of a bucket.

Local files are read by plain system calls, objects of buckets by ranges (see `buckets`), everything
else by `tf.io.gfile`, which is imported only then. Both try again what fails in passing, waiting
ever longer; what fails for good is told in a sentence.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO, ClassVar, TypeVar

from sampling.errors import SamplingError
from sampling.files import buckets

_MOST_HELD_OPEN = 512  # local files, in the whole process
IN_FLIGHT = 16  # requests to a bucket at a time: a short read mostly waits for its first byte
# TensorFlow's client, for checkpoints, fetches this much at a time (by default 64 MiB a handle).
REMOTE_CACHE = {"GCS_READ_CACHE_BLOCK_SIZE_MB": "1", "GCS_READ_CACHE_MAX_SIZE_MB": "16"}

Item = TypeVar("Item")
Result = TypeVar("Result")


def is_local(path: str) -> bool:
    return "://" not in path


class LocalBytes(io.FileIO):
    """A local file's bytes, for `read_range` by any number of threads; closed when unused."""

    def __init__(self, path: str):
        super().__init__(path)

    def __del__(self) -> None:
        self.close()


def _most_held_open() -> int:
    """A quarter of what the process may open: the rest is for threads, models and checkpoints."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_HELD_OPEN if allowed < 0 else max(1, min(_MOST_HELD_OPEN, allowed // 4))


class HeldOpen:
    """Local files that stay open from read to read, for one owner.

    Of the whole process, as many files as it may well hold: those that were used last.
    """

    _latest: ClassVar[OrderedDict[tuple[int, str], LocalBytes]] = OrderedDict()
    _lock = threading.RLock()  # may be asked for by __del__ while this thread has it

    def __call__(self, path: str) -> LocalBytes:
        key = id(self), path
        with self._lock:
            opened = self._latest.get(key) or LocalBytes(path)
            self._latest[key] = opened
            self._latest.move_to_end(key)
            while len(self._latest) > _most_held_open():
                self._latest.popitem(last=False)
        return opened

    def __del__(self) -> None:
        with self._lock:
            for key in [key for key in self._latest if key[0] == id(self)]:
                del self._latest[key]


def _renew_lock() -> None:
    """Of a process that was forked while another thread had it."""
    HeldOpen._lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)


class ServiceError(OSError):
    """A bucket's service does not answer, or not with what was asked for."""


@contextlib.contextmanager
def open_binary(path: str, version: int | str | None = None) -> Iterator[BinaryIO]:
    """A file to read from.

    Args:
        path: local, or of a bucket.
        version: of the object that is meant, by `listing`; None: the latest.

    Raises:
        OSError: it can't be opened, or read.
        SamplingError: the object is of another version by now.
    """
    if is_local(path):
        with open(path, "rb", buffering=0) as opened:  # reads are large, and here and there
            yield opened
    elif buckets.is_object(path):
        with telling(path):
            yield buckets.ObjectBytes(path, version)  # type: ignore[misc]
    else:
        with telling(path), gfile(path).GFile(path, "rb") as opened:
            yield opened


def ahead(
    function: Callable[[Item], Result], items: Iterable[Item], local: bool
) -> Iterator[Result]:
    """A function's results for some items, in order; of files in buckets several are in flight."""
    if local:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(threads.submit(function, item))
                if len(waiting) > IN_FLIGHT:
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
        if is_local(path) or isinstance(error, ServiceError) or not (told := _told(path, error)):
            raise
        raise told from error


def read_text(path: str) -> str:
    """A small text file as a whole.

    Raises:
        SamplingError: it can't be read, or is not UTF-8.
    """
    try:
        with open_binary(path) as file:
            return file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SamplingError(f"{path} is not a text in UTF-8; convert it") from None
    except Exception as error:  # every file system has an exception of its own for this
        raise SamplingError(f"can't read {path}: {error}") from error


def read_range(file: BinaryIO, start: int, end: int) -> bytes:
    """The bytes [start, end) of an open file, fewer at its end."""
    if isinstance(file, buckets.ObjectBytes):
        return file.read_at(end - start, start)
    if not isinstance(file, io.FileIO):
        file.seek(start)
        return file.read(max(0, end - start))
    data = os.pread(file.fileno(), max(0, end - start), start)  # wherever others are reading
    if len(data) < end - start and data:  # a system call gives 2 GiB at most, a network less
        pieces = [data]
        while data and (start := start + len(data)) < end:
            pieces.append(data := os.pread(file.fileno(), end - start, start))
        return b"".join(pieces)
    return data


def _told(path: str, error: Exception) -> OSError | None:
    """None: it is no complaint of a bucket's service."""
    bucket = "/".join(path.split("/")[:3])
    complaint = _complaint(error)
    if isinstance(complaint, FileNotFoundError):
        return FileNotFoundError(
            f"{path} is not there: expected an object of the bucket {bucket}; fix the path, or "
            "create the bucket"
        )
    if isinstance(complaint, PermissionError):
        return PermissionError(
            f"{path} can't be read or written: {bucket} refuses access; "
            f"{buckets.access_remedy(path)}, and let that account use the bucket"
        )
    return complaint and ServiceError(
        f"{path} can't be read or written: {complaint}; expected an answer of the service, which "
        "did not come after several tries; try again later"
    )


def _complaint(error: Exception) -> OSError | None:
    """What a client says of a service, as an OSError of the kind that fits."""
    if isinstance(error, OSError):  # of `buckets`
        return error
    if "tensorflow" not in sys.modules:
        return None
    import tensorflow as tf

    if not isinstance(error, tf.errors.OpError):
        return None
    message = error.message.partition("\n")[0]
    if isinstance(error, tf.errors.NotFoundError):
        return FileNotFoundError(message)
    if isinstance(error, (tf.errors.PermissionDeniedError, tf.errors.UnauthenticatedError)):
        return PermissionError(message)
    return OSError(message)


def check_writable(path: str) -> None:
    """Raises SamplingError if nothing can be written there: a bucket that is only read."""
    if path.startswith(buckets.READ_ONLY):
        raise SamplingError(
            f"{path} can't be written: s3:// is for data that is read, expected a local path or "
            "gs://; write to one, and copy what is there"
        )


def gfile(path: str) -> Any:
    """TensorFlow's file systems, for what is neither local nor only read.

    Raises:
        SamplingError: see `check_writable`.
    """
    check_writable(path)
    import tensorflow as tf

    return tf.io.gfile
