"""An object's bytes, as a file that can be read anywhere."""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict
from typing import Any

from sampling.errors import SamplingError
from sampling.files.buckets.store import ChangedError
from sampling.files.buckets.stores import located

# What is kept, in the whole process: the heads of some thousand files, which are looked at three
# times when they are opened (the format, the header, the checksum), and the ends of Arrow files.
_PIECE, _PIECES = 2**14, 4096  # bytes, and how many


_latest: OrderedDict[Any, bytes] = OrderedDict()  # pieces of objects, the last one used last
_lock = threading.Lock()


def _renew_lock() -> None:
    """Of a process that was forked while another thread had it."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


class ObjectBytes(io.RawIOBase):
    """An object's bytes; nothing is fetched before they are asked for.

    `read_at` fetches what it is asked for, and of the first 16 KiB all, once; for any number of
    threads. `read` is for libraries that read a little here and there. It fetches 16 KiB at least,
    and knows the latest.

    Args:
        path: of the object.
        version: that was listed, and is meant; None: the latest.

    Raises:
        OSError: the service refuses, or does not answer, as `read_at` and `read` do.
        SamplingError: there is another version by now.
    """

    def __init__(self, path: str, version: int | str | None = None):
        self._path, self._version = path, version
        self._known: Any = object() if version is None else version
        self._position = 0

    def read_at(self, size: int, start: int) -> bytes:
        """The bytes [start, start + size), fewer at the object's end."""
        if size <= 0:
            return b""
        if start + size <= _PIECE:
            return self._piece(0)[start : start + size]
        return self._range(start, start + size - 1)

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("seek from the end")
        self._position = offset + (self._position if whence == io.SEEK_CUR else 0)
        return self._position

    def read(self, size: int = -1) -> bytes:
        start = self._position
        if 0 <= size <= _PIECE:
            first, last = start // _PIECE, (start + size - 1) // _PIECE
            data = b"".join(map(self._piece, range(first, last + 1)))
            data = data[start - first * _PIECE :][:size]
        else:
            data = self._range(start, None if size < 0 else start + size - 1)
        self._position += len(data)
        return data

    def _piece(self, number: int) -> bytes:
        key = self._path, self._known, number
        with _lock:
            known = _latest.pop(key, None)
        if known is None:
            known = self._range(number * _PIECE, (number + 1) * _PIECE - 1)
        with _lock:
            _latest[key] = known
            while len(_latest) > _PIECES:
                _latest.popitem(last=False)
        return known

    def _range(self, first: int, last: int | None) -> bytes:
        store, bucket, name = located(self._path)
        try:
            return store.read(bucket, name, first, last, self._version)
        except ChangedError as error:
            raise SamplingError(
                f"{self._path} has changed since it was listed: found another version, expected "
                "that of then; leave files alone while they are read, or build the input function "
                "anew"
            ) from error
