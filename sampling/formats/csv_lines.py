"""Where the lines of a CSV text begin and how many rows it has; numpy at memory speed, no parsing.

A *line* ends with a newline, a *record* with a newline outside quotes. They differ only where the
user says that quoted fields may hold newlines; then `quoted=True`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from sampling import files

_NEWLINE, _QUOTE = 10, 34
_PIECE_BYTES = 4 * 2**20
_RECORD_BYTES = 64 * 2**20  # no record is longer


def record_ends(data: bytes, quoted: bool) -> np.ndarray:
    """bool [len(data)]: where a newline ends a record."""
    codes = np.frombuffer(data, np.uint8)
    ends = codes == _NEWLINE
    if quoted and b'"' in data:
        # An odd number of quotes before a byte: it is inside a field. Wrapping keeps the parity.
        inside = np.cumsum(codes == _QUOTE, dtype=np.uint8) & 1
        ends &= inside == 0
    return ends


def count_newlines(data: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE))


def count_rows(data: bytes, quoted: bool = False) -> int:
    """Rows in a text that begins at the beginning of a record: records less blank lines."""
    if not data:
        return 0
    if b"\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    ends = record_ends(data, quoted)
    blank = np.count_nonzero(ends[1:] & ends[:-1]) + int(ends[0])
    return int(np.count_nonzero(ends)) + int(not ends[-1]) - int(blank)


def split_records(data: bytes, quoted: bool) -> list[bytes]:
    """The records of a text, without the newline at their ends, blank lines included."""
    ends = np.flatnonzero(record_ends(data, quoted))
    starts = [0, *(int(end) + 1 for end in ends)]
    stops = [*(int(end) for end in ends), len(data)]
    records = [data[start:stop] for start, stop in zip(starts, stops, strict=True)]
    return records if records[-1] else records[:-1]


def read_lines(file: BinaryIO, begin: int, start: int, end: int, size: int, slack: int) -> bytes:
    """The whole lines that start in the bytes [start, end) of a file.

    Args:
        begin: where the file's first row starts.
        size: of the file, bytes.
        slack: bytes to read past `end` at first, to find the end of the last line.
    """
    read_from = max(begin, start - 1)  # the byte before tells whether a line starts at `start`
    data = files.read_range(file, read_from, min(size, end + slack))
    while (stop := _after_newline(data, end - 1 - read_from)) < 0:
        read_to = read_from + len(data)
        more = files.read_range(file, read_to, min(size, read_to + max(slack, len(data))))
        if not more:
            stop = len(data)
            break
        data += more
    if start <= begin:
        return data[:stop]
    skip = _after_newline(data, 0)
    return data[skip:stop] if 0 <= skip < stop else b""


def read_pieces(file: BinaryIO, begin: int, size: int) -> Iterator[bytes]:
    """The whole lines of a file from `begin` on, some MiB at a time."""
    for start in range(begin, size, _PIECE_BYTES):
        end = min(size, start + _PIECE_BYTES)
        yield read_lines(file, begin, start, end, size, slack=4096)


def cut_quoted(file: BinaryIO, begin: int, size: int, block_bytes: int) -> tuple[list[int], int]:
    """Record starts at least `block_bytes` apart, and the number of rows: one pass over the file.

    Returns:
        (offsets in the file, `begin` first; rows)

    Raises:
        UnclosedQuoteError: a record goes on for over 64 MiB, so a quote is a stray one.
    """
    cuts, rows, data, position = [begin], 0, b"", begin  # data: from a record's start on
    while piece := files.read_range(file, position, min(size, position + _PIECE_BYTES)):
        position += len(piece)
        data += piece
        starts = np.flatnonzero(record_ends(data, quoted=True)) + 1
        if len(starts):
            cuts += _thin(starts + (position - len(data)), cuts[-1], block_bytes)
            rows += count_rows(data[: starts[-1]], quoted=True)
            data = data[starts[-1] :]
        if len(data) > _RECORD_BYTES:
            raise UnclosedQuoteError(position - len(data))
    return [cut for cut in cuts if cut < size or cut == begin], rows + count_rows(data, quoted=True)


class UnclosedQuoteError(ValueError):
    """A record that never ends; `offset` is where it starts, in bytes."""

    def __init__(self, offset: int):
        super().__init__(f"the record at byte {offset:,} does not end")
        self.offset = offset


def _thin(starts: np.ndarray, last: int, block_bytes: int) -> list[int]:
    """Of sorted record starts, the first one `block_bytes` or more after each that is chosen."""
    chosen: list[int] = []
    while (index := int(np.searchsorted(starts, last + block_bytes))) < len(starts):
        last = int(starts[index])
        chosen.append(last)
    return chosen


def _after_newline(data: bytes, position: int) -> int:
    """Where the line after the one with this byte starts; -1 if its newline is not here."""
    return data.find(b"\n", max(0, position)) + 1 or -1
