"""Packed files that can be read anywhere: gzip from points on, bzip2, xz and Zstandard in sequence.

A gzip file can be decompressed from its beginning only, unless the state of the decompressor was
kept at some place. One pass over the files, when they are listed, keeps it at up to 256 places of a
class (some 45 KB each). It also checks every checksum and finds out the length. A block is then
reached by decompressing from the point before it, or from where the last block of that stretch
ended.

Others have no state that could be kept. Each of their files is one stretch, which is decompressed
from its beginning to its end, and once more where something before is asked for.
"""

from __future__ import annotations

import bisect
import bz2
import collections
import dataclasses
import io
import lzma
import threading
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, NoReturn, Protocol

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.errors import SamplingError

_STEP = 16 * 2**10  # compressed bytes at a time: up to 16 MiB of text, mostly 64 KiB
_SPACING = 2**20  # compressed bytes between two points, at least
MOST_POINTS = 256
_MOST_IN_SEQUENCE = 16  # files that are under way together: each may hold 64 MiB
_TAIL = 16 * 2**10  # bytes that are kept behind, since neighbouring blocks are read overlapping
_HELD_BYTES = 4 * 2**20  # of what is decompressed at a time
GZIP, SEQUENTIAL = "gz", ("bz2", "xz", "zst")
_CALLED = {"gz": "gzip", "bz2": "bzip2", "xz": "xz", "zst": "Zstandard"}


@dataclasses.dataclass(frozen=True)
class Packed(files.File):
    """A packed file as what it holds: `size` is of that."""

    packed: files.File
    index: Index = dataclasses.field(compare=False, repr=False)

    def check_unchanged(self) -> None:
        self.packed.check_unchanged()

    def checksum(self) -> str:
        return self.packed.checksum()

    def open(self) -> Any:
        return _Opened(self.index)


def index_files(listed: Sequence[files.File], codec: str = GZIP) -> list[files.File]:
    """Listed packed files -> what they hold, readable anywhere; decompresses all of them once.

    Those of no byte are left out.

    Args:
        codec: "gz", "bz2", "xz" or "zst".

    Raises:
        SamplingError: a file is none of that kind, or damaged; file and byte are named.
    """
    spacing = max(_SPACING, sum(file.size for file in listed) // MOST_POINTS)
    most = MOST_POINTS if codec == GZIP else _MOST_IN_SEQUENCE
    under_way = _UnderWay(most + pa.cpu_count())

    def indexed(file: files.File) -> files.File:
        index = Index(file, codec, spacing, under_way)
        return Packed(file.path, index.size, file.version, file, index)

    with ThreadPoolExecutor(pa.cpu_count()) as threads:
        return list(threads.map(indexed, [file for file in listed if file.size]))


def head(file: files.File, codec: str, length: int = 1) -> bytes:
    """So many of the first bytes that a packed file holds, or some more; fewer if there are none.

    Raises:
        SamplingError: it is damaged.
    """
    stepper, held = _stepper(file, codec), b""
    with file.open() as opened:
        while len(held) < length and (data := stepper.step(opened)) is not None:
            held += data
    return held


def under_way_together(listed: Sequence[files.File], most: int) -> int:
    """How many stretches of files may be read in turn: `most`, or few where each takes much."""
    in_sequence = any(isinstance(f, Packed) and f.index.codec in SEQUENTIAL for f in listed)
    return min(most, _MOST_IN_SEQUENCE) if in_sequence else most


def stretch_sizes(file: files.File, starts: np.ndarray) -> np.ndarray:
    """int64: how many neighbouring blocks each are to be read in sequence.

    In a packed file those that begin between the same two points, in others each is on its own.

    Args:
        starts: int64 [blocks], where the file's blocks begin.
    """
    if not isinstance(file, Packed):
        return np.ones(len(starts), np.int64)
    points = np.searchsorted(file.index.points, starts, side="right")
    return np.unique(points, return_counts=True)[1]


class Index:
    """Where in a packed file decompressing can begin.

    Attributes:
        codec: how it is packed.
        size: bytes of what it holds.
        points: offsets in what it holds, 0 first.

    Args:
        file: as listed.
        codec: how it is packed.
        spacing: compressed bytes between two points.
        under_way: decompressors in the midst of the class's files.
    """

    def __init__(self, file: files.File, codec: str, spacing: int, under_way: _UnderWay):
        self._file, self.codec, self._under_way = file, codec, under_way
        self.points = [0]
        self._states: list[_Inflater | None] = [None]
        self.size = 0
        inflater = _stepper(file, codec)
        with file.open() as opened:
            while (data := inflater.step(opened)) is not None:
                self.size += len(data)
                is_far = inflater.position >= len(self.points) * spacing
                if isinstance(inflater, _Inflater) and is_far and self.size > self.points[-1]:
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
            inflater = state.copy() if state else _stepper(self._file, self.codec)
            reached = _Reached(self.points[point], b"", inflater)
        with self._file.open() as opened:
            data = reached.read(opened, start, min(end, self.size))
        self._under_way.put(key, reached)
        return data


class _Stepper(Protocol):
    """A decompressor somewhere in a file; `position` is where it reads on, in compressed bytes."""

    file: files.File
    position: int

    def step(self, opened: BinaryIO) -> bytes | None:
        """What some more bytes hold; None at the end of the file."""


class _Inflater:
    """A `_Stepper` for gzip, which can be copied."""

    def __init__(self, file: files.File, position: int = 0, inflate: Any = None):
        self.file, self.position, self._inflate = file, position, inflate

    def copy(self) -> _Inflater:
        inflate = self._inflate and self._inflate.copy()
        return _Inflater(self.file, self.position, inflate)

    def step(self, opened: BinaryIO) -> bytes | None:
        data = self.file.read(opened, self.position, self.position + _STEP)
        if not data and self._inflate is None and self.position:
            return None
        if not data:
            _refuse(self, GZIP, "its end in the midst of the data")
        if self._inflate is None:
            if self.position and not data.strip(b"\0"):  # what pads it is no member
                self.position += len(data)
                return b""
            self._inflate = zlib.decompressobj(wbits=31)
        try:
            held: bytes = self._inflate.decompress(data)
        except zlib.error as error:
            reason = str(error).rpartition(": ")[2]
            _refuse(self, GZIP, f"what gzip can't read ({reason})")
        self.position += len(data)
        if self._inflate.eof:  # another member may follow
            self.position -= len(self._inflate.unused_data)
            self._inflate = None
        return held


class _Sequential:
    """A `_Stepper` for bzip2 and xz."""

    def __init__(self, file: files.File, codec: str):
        self.file, self.position, self._codec = file, 0, codec
        self._decompress: Any = None

    def step(self, opened: BinaryIO) -> bytes | None:
        data = b""
        if self._decompress is None or self._decompress.needs_input:
            data = self.file.read(opened, self.position, self.position + _STEP)
            if not data and self._decompress is None and self.position:
                return None
            if not data:
                _refuse(self, self._codec, "its end in the midst of the data")
        if self._decompress is None:
            if self.position and not data.strip(b"\0"):
                self.position += len(data)
                return b""
            make = bz2.BZ2Decompressor if self._codec == "bz2" else lzma.LZMADecompressor
            self._decompress = make()
        try:
            held: bytes = self._decompress.decompress(data, _HELD_BYTES)
        except (OSError, ValueError, lzma.LZMAError) as error:
            called = _CALLED[self._codec]
            _refuse(self, self._codec, f"what {called} can't read ({str(error).lower()})")
        self.position += len(data)
        if self._decompress.eof:  # another stream may follow
            self.position -= len(self._decompress.unused_data)
            self._decompress = None
        return held


class _Pulled(io.RawIOBase):
    """A `_Stepper` for Zstandard, whose decompressor pulls from this as from a file."""

    def __init__(self, file: files.File):
        super().__init__()
        self.file, self.position = file, 0
        self._opened: Any = None
        self._stream = pa.CompressedInputStream(pa.PythonFile(self, "r"), "zstd")

    def step(self, opened: BinaryIO) -> bytes | None:
        self._opened = opened
        try:
            return self._stream.read(_HELD_BYTES) or None
        except OSError as error:
            _refuse(self, "zst", f"what Zstandard can't read ({str(error).lower()})")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        end = self.file.size if size < 0 else self.position + size
        data = self.file.read(self._opened, self.position, end)
        self.position += len(data)
        return data


def _stepper(file: files.File, codec: str) -> _Stepper:
    """At the beginning of a file."""
    if codec == GZIP:
        return _Inflater(file)
    return _Pulled(file) if codec == "zst" else _Sequential(file, codec)


def _refuse(stepper: _Stepper, codec: str, found: str) -> NoReturn:
    raise SamplingError(
        f"{stepper.file.path}, byte {stepper.position:,}: found {found}, expected a whole "
        f"{_CALLED[codec]} file; copy or write it anew"
    )


@dataclasses.dataclass
class _Reached:
    """Where reading a stretch has come to: `held` is what begins at `begin` and is inflated."""

    begin: int
    held: bytes
    inflater: _Stepper

    def read(self, opened: BinaryIO, start: int, end: int) -> bytes:
        """[start, end), not before `begin`."""
        pieces, length = [self.held], len(self.held)
        while self.begin + length < end:
            if self.begin + length <= start:  # not needed
                self.begin += length
                pieces, length = [], 0
            data = self.inflater.step(opened)
            if data is None:
                raise SamplingError(f"{self.inflater.file.path} has become shorter, read it anew")
            pieces.append(data)
            length += len(data)
        inflated = b"".join(pieces)
        data = inflated[start - self.begin : end - self.begin]
        kept = max(0, end - self.begin - max(_TAIL, len(data) // 64))
        self.begin, self.held = self.begin + kept, inflated[kept:]
        return data


class _UnderWay:
    """The decompressors in use, one for each stretch; the longest unused ones make room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._reached: collections.OrderedDict[Any, _Reached] = collections.OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Any) -> _Reached | None:
        with self._lock:
            return self._reached.pop(key, None)

    def put(self, key: Any, reached: _Reached) -> None:
        with self._lock:
            self._reached[key] = reached
            while len(self._reached) > self._most:
                self._reached.popitem(last=False)


class _Opened(files.Positioned):
    """What a packed file holds, as an open file."""

    def __init__(self, index: Index):
        super().__init__(index.size)
        self._index = index

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else self._position + size
        data = self._index.read(self._position, end)
        self._position += len(data)
        return data
