"""Lines, records and fields of a CSV text; numpy at memory speed, no parsing.

A *line* ends with a newline, a *record* with a newline outside quotes. They differ only where the
user says that quoted fields may hold newlines; then `quoted=True`.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from sampling import files

_NEWLINE, _RETURN, _QUOTE = 10, 13, 34
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


def first_record_end(data: bytes, quoted: bool) -> int:
    """Where the second record starts; the length of the text if there is none."""
    if not quoted:
        return data.find(b"\n") + 1 or len(data)
    ends = record_ends(data, quoted)
    return int(ends.argmax()) + 1 if ends.any() else len(data)


def count_newlines(data: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE))


def count_rows(data: bytes, quoted: bool = False) -> int:
    """Rows in a text that begins at the beginning of a record: records less blank lines."""
    if not data.endswith(b"\n"):
        data += b"\n"
    if b"\r" in data:  # one byte is found twenty times as fast as two
        data = data.replace(b"\r\n", b"\n")
    ends = record_ends(data, quoted)
    blank = np.count_nonzero(ends[1:] & ends[:-1]) + int(ends[0])
    return int(np.count_nonzero(ends) - blank)


def numbered_records(data: bytes, quoted: bool) -> Iterator[tuple[int, bytes]]:
    """(its first line, counted from 0; the record without its newline); none for blank lines."""
    line = start = 0
    for end in [*np.flatnonzero(record_ends(data, quoted)).tolist(), len(data)]:
        record = data[start:end]
        if record not in (b"", b"\r"):
            yield line, record
        line += record.count(b"\n") + 1
        start = end + 1


def split_fields(record: bytes, delimiter: str) -> list[bytes] | None:
    """The fields of a record, by the rules of CSV: `a,"b,c",d` -> [a] [b,c] [d].

    None if a quoted field is not closed, or goes on behind the quote that closes it. A quote inside
    a field that begins without one is a character like others.
    """
    pattern, end = _field_pattern(delimiter), delimiter.encode()
    fields, position, record = [], 0, record.rstrip(b"\r\n") + end
    while position < len(record):
        field = pattern.match(record, position)
        if field is None:
            return None
        within_quotes, plain = field.groups()
        fields.append(plain if within_quotes is None else within_quotes.replace(b'""', b'"'))
        position = field.end()
    return fields


def stray_quote(data: bytes, delimiter: str) -> int:
    """Where a quote does neither open a field nor close it as a whole; -1: nowhere.

    Quotes open and close in turn (a doubled one closes and opens again). So every other one stands
    at the left edge of a field and the rest at the right edge, or one of them is a stray one.

    Args:
        data: whole records, with a newline at the end.

    Returns:
        The place of the first pair that does not fit: of the quote that would open it.
    """
    codes = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(codes == _QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    is_edge = np.zeros(256, bool)
    is_edge[[_NEWLINE, _RETURN, _QUOTE, ord(delimiter)]] = True
    fits = is_edge[codes[opening - 1]]  # the first byte's neighbour is the newline at the end
    fits[: len(closing)] &= is_edge[codes[closing + 1]]
    if len(closing) < len(opening):
        fits[-1] = False
    return -1 if fits.all() else int(opening[np.argmin(fits)])


def lines_are_records(data: bytes, delimiter: str) -> bool:
    """Whether no quote is open at the end of a line, and none closes before its field ends.

    Args:
        data: whole lines, with a newline at the end.
    """
    if stray_quote(data, delimiter) < 0:
        codes = np.frombuffer(data, np.uint8)
        quotes, newlines = (np.flatnonzero(codes == code) for code in (_QUOTE, _NEWLINE))
        return not (np.searchsorted(quotes, newlines) & 1).any()  # quotes before each newline
    # There may be quotes in the middle of a field, as in 5" pipe: slower, and only for such data.
    lines = [line for line in data.decode("latin-1").split("\n") if '"' in line]
    try:
        return sum(1 for _ in csv.reader(lines, delimiter=delimiter, strict=True)) == len(lines)
    except csv.Error:  # a stray quote, or a field of over 128 KiB
        return all(split_fields(line.encode("latin-1"), delimiter) is not None for line in lines)


def read_lines(
    file: BinaryIO, begin: int, start: int, end: int, size: int, slack: int
) -> memoryview:
    """The whole lines that start in the bytes [start, end) of a file.

    A view of what was read: copying would keep all other threads from running.

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
    skip = 0 if start <= begin else _after_newline(data, 0)
    return memoryview(data)[skip:stop] if 0 <= skip < stop else memoryview(b"")


def read_pieces(file: BinaryIO, begin: int, size: int) -> Iterator[bytes]:
    """The whole lines of a file from `begin` on, some MiB at a time."""
    for start in range(begin, size, _PIECE_BYTES):
        end = min(size, start + _PIECE_BYTES)
        yield bytes(read_lines(file, begin, start, end, size, slack=4096))


def cut_quoted(
    file: BinaryIO, begin: int, size: int, block_bytes: int, delimiter: str
) -> tuple[list[int], int]:
    """Record starts at least `block_bytes` apart, and the number of rows: one pass over the file.

    Returns:
        (offsets in the file, `begin` first; rows)

    Raises:
        StrayQuoteError: a quote does not open or close a field, so records can't be told apart.
    """
    cuts, rows, data, position = [begin], 0, b"", begin  # data: from a record's start on
    while piece := files.read_range(file, position, min(size, position + _PIECE_BYTES)):
        position += len(piece)
        data += piece
        starts = np.flatnonzero(record_ends(data, quoted=True)) + 1
        if len(starts):
            cuts += _thin(starts + (position - len(data)), cuts[-1], block_bytes)
            rows += _count_checked(data[: starts[-1]], position - len(data), delimiter)
            data = data[starts[-1] :]
        if len(data) > _RECORD_BYTES:
            raise StrayQuoteError(position - len(data))
    if data:
        rows += _count_checked(data + b"\n", position - len(data), delimiter)
    return [cut for cut in cuts if cut < size or cut == begin], rows


class StrayQuoteError(ValueError):
    """A quote that neither opens nor closes a field; `offset` is where it is, in bytes."""

    def __init__(self, offset: int):
        super().__init__(f"there is a stray quote at byte {offset:,}")
        self.offset = offset


def _count_checked(records: bytes, offset: int, delimiter: str) -> int:
    if (stray := stray_quote(records, delimiter)) >= 0:
        raise StrayQuoteError(offset + stray)
    return count_rows(records, quoted=True)


@functools.cache
def _field_pattern(delimiter: str) -> re.Pattern[bytes]:
    """A field and the delimiter behind it: (text between quotes, or text without)."""
    end = re.escape(delimiter.encode())
    return re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"|((?:[^"%b][^%b]*)?))%b' % (end, end, end))


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
