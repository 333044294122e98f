"""Gzip files that can be read anywhere: points at which decompressing can begin.

A gzip file can be decompressed from its beginning only, unless the state of the decompressor was
kept at some place. One pass over the files, when they are listed, keeps it at up to 256 places of a
class (some 45 KB each), checks every checksum and finds out the length. A block is then reached by
decompressing from the point before it, or from where the last block of that stretch ended.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import io
import threading
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.errors import SamplingError

_STEP = 16 * 2**10  # compressed bytes at a time: up to 16 MiB of text, mostly 64 KiB
_SPACING = 2**20  # compressed bytes between two points, at least
MOST_POINTS = 256
_TAIL = 16 * 2**10  # bytes that are kept behind, since neighbouring blocks are read overlapping


@dataclasses.dataclass(frozen=True)
class Gzipped(files.File):
    """A gzip file as what it holds: `size` is of that."""

    packed: files.File
    index: Index = dataclasses.field(compare=False, repr=False)

    def check_unchanged(self) -> None:
        self.packed.check_unchanged()

    def open(self) -> Any:
        return _Opened(self.index)


def index_files(listed: Sequence[files.File]) -> list[files.File]:
    """Listed gzip files -> what they hold, readable anywhere; decompresses all of them once.

    Raises:
        SamplingError: a file is no gzip file, or damaged; file and byte are named.
    """
    spacing = max(_SPACING, sum(file.size for file in listed) // MOST_POINTS)
    under_way = _UnderWay()

    def indexed(file: files.File) -> files.File:
        index = Index(file, spacing, under_way)
        return Gzipped(file.path, index.size, file.modified, file, index)

    with ThreadPoolExecutor(pa.cpu_count()) as threads:
        return list(threads.map(indexed, listed))


def stretch_sizes(file: files.File, starts: np.ndarray) -> np.ndarray:
    """int64: how many neighbouring blocks each are to be read in sequence.

    In a gzip file those that begin between the same two points, in others each is on its own.

    Args:
        starts: int64 [blocks], where the file's blocks begin.
    """
    if not isinstance(file, Gzipped):
        return np.ones(len(starts), np.int64)
    points = np.searchsorted(file.index.points, starts, side="right")
    return np.unique(points, return_counts=True)[1]


class Index:
    """Where in a gzip file decompressing can begin.

    Attributes:
        size: bytes of what it holds.
        points: offsets in what it holds, 0 first.

    Args:
        file: as listed.
        spacing: compressed bytes between two points.
        under_way: decompressors in the midst of the class's files.
    """

    def __init__(self, file: files.File, spacing: int, under_way: _UnderWay):
        self._file, self._under_way = file, under_way
        self.points = [0]
        self._states: list[_Inflater | None] = [None]
        inflater, self.size = _Inflater(file), 0
        with file.open() as opened:
            while (data := inflater.step(opened)) is not None:
                self.size += len(data)
                if inflater.position >= len(self.points) * spacing and self.size > self.points[-1]:
                    self.points.append(self.size)
                    self._states.append(inflater.copy())

    def read(self, start: int, end: int) -> bytes:
        """The bytes [start, end) of what it holds, fewer at its end."""
        if start >= min(end, self.size):
            return b""
        point = bisect.bisect(self.points, start) - 1
        key = self._file.path, point
        reached = self._under_way.take(key)
        if reached is None or reached.begin > start:
            state = self._states[point]
            inflater = state.copy() if state else _Inflater(self._file)
            reached = _Reached(self.points[point], b"", inflater)
        with self._file.open() as opened:
            data = reached.read(opened, start, min(end, self.size))
        self._under_way.put(key, reached)
        return data


class _Inflater:
    """A decompressor somewhere in a file; `position` is where it reads on, in compressed bytes."""

    def __init__(self, file: files.File, position: int = 0, inflate: Any = None):
        self._file, self.position, self._inflate = file, position, inflate

    def copy(self) -> _Inflater:
        inflate = self._inflate and self._inflate.copy()
        return _Inflater(self._file, self.position, inflate)

    def step(self, opened: BinaryIO) -> bytes | None:
        """What some more bytes hold; None at the end of the file."""
        data = files.read_range(opened, self.position, self.position + _STEP)
        if not data and self._inflate is None and self.position:
            return None
        if not data:
            self._refuse("its end in the midst of the data")
        if self._inflate is None:
            if self.position and not data.strip(b"\0"):  # what pads it is no member
                self.position += len(data)
                return b""
            self._inflate = zlib.decompressobj(wbits=31)
        try:
            held: bytes = self._inflate.decompress(data)
        except zlib.error as error:
            self._refuse(f"what gzip can't read ({str(error).rpartition(': ')[2]})")
        self.position += len(data)
        if self._inflate.eof:  # another member may follow
            self.position -= len(self._inflate.unused_data)
            self._inflate = None
        return held

    def _refuse(self, found: str) -> Any:
        raise SamplingError(
            f"{self._file.path}, byte {self.position:,}: found {found}, expected a whole gzip "
            "file; copy or write it anew"
        )


@dataclasses.dataclass
class _Reached:
    """Where reading a stretch has come to: `held` is what begins at `begin` and is inflated."""

    begin: int
    held: bytes
    inflater: _Inflater

    def read(self, opened: BinaryIO, start: int, end: int) -> bytes:
        """[start, end), not before `begin`."""
        pieces, length = [self.held], len(self.held)
        while self.begin + length < end:
            if self.begin + length <= start:  # not needed
                self.begin += length
                pieces, length = [], 0
            data = self.inflater.step(opened)
            if data is None:
                raise SamplingError(f"{self.inflater._file.path} has become shorter, read it anew")
            pieces.append(data)
            length += len(data)
        inflated = b"".join(pieces)
        data = inflated[start - self.begin : end - self.begin]
        kept = max(0, end - self.begin - max(_TAIL, len(data) // 64))
        self.begin, self.held = self.begin + kept, inflated[kept:]
        return data


class _UnderWay:
    """The decompressors in use, one for each stretch; the longest unused ones make room."""

    def __init__(self) -> None:
        self._reached: collections.OrderedDict[Any, _Reached] = collections.OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Any) -> _Reached | None:
        with self._lock:
            return self._reached.pop(key, None)

    def put(self, key: Any, reached: _Reached) -> None:
        with self._lock:
            self._reached[key] = reached
            while len(self._reached) > MOST_POINTS + pa.cpu_count():
                self._reached.popitem(last=False)


class _Opened(io.RawIOBase):
    """What a gzip file holds, as an open file."""

    def __init__(self, index: Index):
        self._index, self._position = index, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._index.size}
        self._position = begin[whence] + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = self._index.size if size < 0 else self._position + size
        data = self._index.read(self._position, end)
        self._position += len(data)
        return data
