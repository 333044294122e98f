"""Files that are written in turn, more of them than may be open at a time."""

from __future__ import annotations

import collections
import io
import os
import resource
from typing import Any, BinaryIO

from sampling.files.creating import create
from sampling.files.reading import is_local

_SHARE, _LEAST, _MOST = 4, 8, 512  # of the files that the process may have open


class OpenFiles:
    """Makes files of which only some are open; the longest unused ones are closed for others.

    For one thread. What a bucket holds stays open, since objects can't be added to.

    Args:
        most: files that are open at a time; None: a quarter of what the process may have.
    """

    def __init__(self, most: int | None = None):
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = most or min(_MOST, max(_LEAST, allowed // _SHARE))
        self._open: collections.OrderedDict[str, int] = collections.OrderedDict()

    def create(self, path: str) -> BinaryIO:
        """A file to write to, with its folders."""
        if not is_local(path):
            return create(path)
        create(path).close()
        return io.BufferedWriter(_Appended(self, path))

    def write(self, path: str, data: Any) -> int:
        """Adds bytes to a file; returns how many it took."""
        opened = self._open.pop(path, None)
        if opened is None:
            if len(self._open) >= self._most:
                os.close(self._open.popitem(last=False)[1])
            opened = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._open[path] = opened
        return os.write(opened, data)

    def close(self, path: str) -> None:
        """Gives up a file, which is open or not."""
        if (opened := self._open.pop(path, None)) is not None:
            os.close(opened)


class _Appended(io.RawIOBase):
    """One of the files."""

    def __init__(self, files: OpenFiles, path: str):
        self._files, self._path = files, path

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._files.write(self._path, data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._files.close(self._path)
