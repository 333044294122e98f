"""Lines, records and fields of a CSV text; numpy at memory speed, no parsing.

A *line* ends with a newline, a *record* with a newline outside quotes. They differ only where the
user says that quoted fields may hold newlines; then `quoted=True`.
"""

from __future__ import annotations

import csv
import functools
import io
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from sampling import files

_NEWLINE, _RETURN, _QUOTE = 10, 13, 34
_PIECE_BYTES = 4 * 2**20
_LEAST_MORE = 64 * 2**10
# No record is longer: a row is held some ten times while it is parsed, and pyarrow takes 2 GiB.
RECORD_BYTES = min(2**30, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 16)


class Dialect(NamedTuple):
    """What separates the fields of a row, and what makes a character behind it a plain one."""

    delimiter: str = ","
    escape: str = ""

    def masked(self, text: bytes) -> bytes:
        """The text with each escaped character as a plain one, of the same length."""
        escape = self.escape.encode()
        if not escape or escape not in text:
            return text
        return re.sub(re.escape(escape) + b"(?s:.)", b"xx", text)

    def ends_open(self, text: bytes) -> bool:
        """Whether the text's last character escapes what follows."""
        escape = self.escape.encode()
        return bool(escape) and (len(text) - len(text.rstrip(escape))) % 2 == 1


def record_ends(data: bytes | memoryview, quoted: bool, inside: bool = False) -> np.ndarray:
    """bool [len(data)]: where a newline ends a record.

    Args:
        inside: whether the text begins within quotes.
    """
    codes = np.frombuffer(data, np.uint8)
    ends = codes == _NEWLINE
    if quoted and (inside or (codes == _QUOTE).any()):
        # An odd number of quotes before a byte: it is inside a field. Wrapping keeps the parity.
        parity = np.cumsum(codes == _QUOTE, dtype=np.uint8) + np.uint8(inside) & 1
        ends &= parity == 0
    return ends


def first_record_end(data: bytes, quoted: bool, start: int = 0) -> int:
    """Where the record after the one at `start` begins; the length of the text if none does."""
    if not quoted:
        return data.find(b"\n", start) + 1 or len(data)
    ends = record_ends(memoryview(data)[start:], quoted)
    return start + int(ends.argmax()) + 1 if ends.any() else len(data)


def count_newlines(data: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE))


def count_rows(data: bytes, quoted: bool = False) -> int:
    """Rows in a text that begins at the beginning of a record: records less blank lines.

    Where it has escapes it is to be masked.
    """
    if not data.endswith(b"\n"):
        data += b"\n"
    if b"\r" in data:  # one byte is found twenty times as fast as two
        data = data.replace(b"\r\n", b"\n")
    ends = record_ends(data, quoted)
    blank = np.count_nonzero(ends[1:] & ends[:-1]) + int(ends[0])
    return int(np.count_nonzero(ends) - blank)


def numbered_records(data: bytes, quoted: bool, dialect: Dialect) -> Iterator[tuple[int, bytes]]:
    """(its first line, counted from 0; the record without its newline); none for blank lines."""
    line = start = 0
    ends = record_ends(dialect.masked(data) if quoted else data, quoted)
    for end in [*np.flatnonzero(ends).tolist(), len(data)]:
        record = data[start:end]
        if record not in (b"", b"\r"):
            yield line, record
        line += record.count(b"\n") + 1
        start = end + 1


def split_fields(record: bytes, dialect: Dialect) -> list[bytes] | None:
    """The fields of a record, by the rules of CSV: `a,"b,c",d` -> [a] [b,c] [d].

    None if a quoted field is not closed, or goes on behind the quote that closes it. A quote inside
    a field that begins without one is a character like others.
    """
    pattern, escaped = _field_pattern(dialect)
    end = dialect.delimiter.encode()
    fields, position, record = [], 0, record.rstrip(b"\r\n") + end
    while position < len(record):
        field = pattern.match(record, position)
        if field is None:
            return None
        within_quotes, plain = field.groups()
        value = plain if within_quotes is None else within_quotes.replace(b'""', b'"')
        fields.append(escaped.sub(rb"\1", value) if escaped else value)
        position = field.end()
    return fields


def replaced_fields(data: bytes, delimiter: bytes, field: bytes, by: bytes) -> bytes:
    """The text with other fields in place of some that are not quoted."""
    ends = re.escape(delimiter) + rb"\r\n"
    return re.sub(rb"(?<![^%b])%b(?=[%b]|\Z)" % (ends, re.escape(field), ends), by, data)


def stray_quote(data: bytes, dialect: Dialect) -> int:
    """Where a quote does neither open a field nor close it as a whole; -1: nowhere.

    Quotes open and close in turn (a doubled one closes and opens again). So every other one stands
    at the left edge of a field and the rest at the right edge, or one of them is a stray one.

    Args:
        data: whole records, with a newline at the end.

    Returns:
        The place of the first pair that does not fit: of the quote that would open it.
    """
    codes = np.frombuffer(dialect.masked(data), np.uint8)
    quotes = np.flatnonzero(codes == _QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    is_edge = np.zeros(256, bool)
    is_edge[[_NEWLINE, _RETURN, _QUOTE, ord(dialect.delimiter)]] = True
    fits = is_edge[codes[opening - 1]]  # the first byte's neighbour is the newline at the end
    fits[: len(closing)] &= is_edge[codes[closing + 1]]
    if len(closing) < len(opening):
        fits[-1] = False
    return -1 if fits.all() else int(opening[np.argmin(fits)])


def lines_are_records(data: bytes, dialect: Dialect) -> bool:
    """Whether no quote is open at the end of a line, and none closes before its field ends.

    Args:
        data: whole lines, with a newline at the end.
    """
    if stray_quote(data, dialect) < 0:
        codes = np.frombuffer(dialect.masked(data), np.uint8)
        quotes, newlines = (np.flatnonzero(codes == code) for code in (_QUOTE, _NEWLINE))
        return not (np.searchsorted(quotes, newlines) & 1).any()  # quotes before each newline
    # There may be quotes in the middle of a field, as in 5" pipe: slower, and only for such data.
    text = bytes(data).decode("latin-1")
    lines = [line for line in text.split("\n") if '"' in line]
    options: Any = {"delimiter": dialect.delimiter, "escapechar": dialect.escape or None}
    try:
        return sum(1 for _ in csv.reader(lines, strict=True, **options)) == len(lines)
    except csv.Error:  # a stray quote, or a field of over 128 KiB
        return all(split_fields(line.encode("latin-1"), dialect) is not None for line in lines)


def read_lines(
    opened: BinaryIO, file: files.File, begin: int, spans: Iterable[tuple[int, int]], slack: int
) -> list[memoryview]:
    """The whole lines that start in the bytes [start, end) of a file, for each of the spans.

    Views of what was read: copying would keep all other threads from running. A newline ends each
    that is not empty.

    Args:
        begin: where the file's first row starts.
        slack: bytes to read past `end` at first, to find the end of the last line.

    Raises:
        LongRecordError: a line is longer than `RECORD_BYTES`.
        SamplingError: the file has become shorter.
    """
    found: list[memoryview] = []
    pread, fileno = os.pread, opened.fileno() if isinstance(opened, io.FileIO) else -1
    for start, end in spans:
        if fileno >= 0 and start > begin:  # nearly always, and in few steps
            before = start - 1  # this byte tells whether a line starts at `start`
            data = pread(fileno, end + slack - before, before)
            skip = data.find(b"\n") + 1
            stop = data.find(b"\n", end - 1 - before) + 1
            if 0 < skip < end - before and stop:
                found.append(memoryview(data)[skip:stop])
                continue
        found.append(_read_lines(opened, file, begin, start, end, slack))
    return found


def _read_lines(
    opened: BinaryIO, file: files.File, begin: int, start: int, end: int, slack: int
) -> memoryview:
    """Those of one span, wherever it is and however long its lines are."""
    read_from = max(begin, start - 1)
    data = file.read(opened, read_from, end + slack)
    skip = 0 if start <= begin else _after_newline(data, 0)
    if not 0 <= skip < end - read_from:  # all of it is the middle of a line of another block
        return memoryview(b"")
    searched = end - 1 - read_from
    if (stop := _after_newline(data, searched)) < 0 and read_from + len(data) < file.size:
        last = data.rfind(b"\n", 0, end - read_from) + 1
        data, stop = _read_on(opened, file, read_from, data, last)
    if stop >= 0:
        return memoryview(data)[skip:stop]
    ends_whole = skip == len(data) or data.endswith(b"\n")
    return memoryview(data)[skip:] if ends_whole else memoryview(data[skip:] + b"\n")


def _read_on(
    opened: BinaryIO, file: files.File, read_from: int, data: bytes, last: int
) -> tuple[bytes, int]:
    """(The data up to the next newline and what is behind, where that line ends): -1 at the end.

    Args:
        last: where in the data the line begins whose end is looked for.
    """
    pieces, length, found = [data], len(data), -1
    while found < 0 and read_from + length < file.size:
        if length - last > RECORD_BYTES:
            raise LongRecordError(read_from + last)
        at = read_from + length
        more = file.read(opened, at, at + max(_LEAST_MORE, length))
        if (end := _after_newline(more, 0)) >= 0:
            found = length + end
        pieces.append(more)
        length += len(more)
    return b"".join(pieces), found


def read_pieces(opened: BinaryIO, file: files.File, begin: int) -> Iterator[bytes]:
    """The whole lines of a file from `begin` on, some MiB at a time."""
    for start in range(begin, file.size, _PIECE_BYTES):
        end = min(file.size, start + _PIECE_BYTES)
        yield bytes(_read_lines(opened, file, begin, start, end, slack=4096))


def count_in_blocks(
    opened: BinaryIO, file: files.File, begin: int, starts: np.ndarray
) -> np.ndarray:
    """int64 [blocks]: the rows of a file, where lines are rows, that start in each block.

    Args:
        starts: int64, where the blocks begin, `begin` first.
    """
    counts, at = np.zeros(len(starts), np.int64), begin
    for text in read_pieces(opened, file, begin):
        codes = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(codes == _NEWLINE)
        firsts = np.append(0, ends[:-1] + 1)[: len(ends)]
        lengths = ends - firsts
        is_row = (lengths > 1) | ((lengths == 1) & (codes[firsts] != _RETURN))
        blocks = np.searchsorted(starts, firsts[is_row] + at, side="right") - 1
        counts += np.bincount(blocks, minlength=len(starts))
        at += len(text)
    return counts


def cut_quoted(
    opened: BinaryIO, file: files.File, begin: int, block_bytes: int, dialect: Dialect
) -> tuple[list[int], int]:
    """Record starts at least `block_bytes` apart, and the number of rows: one pass over the file.

    Returns:
        (offsets in the file, `begin` first; rows)

    Raises:
        StrayQuoteError: a quote does not open or close a field, so records can't be told apart.
        LongRecordError: a record is longer than `RECORD_BYTES`.
        SamplingError: the file has become shorter.
    """
    cuts, rows, size = [begin], 0, file.size
    held: list[bytes] = []  # of a record that goes on
    position, start, inside = (
        begin,
        begin,
        False,
    )  # where it begins, whether what comes next is within quotes
    while position < size:
        piece = file.read(opened, position, position + _PIECE_BYTES)
        if dialect.ends_open(piece):
            piece += file.read(opened, position + len(piece), position + len(piece) + 1)
        scanned = dialect.masked(piece)
        ends = np.flatnonzero(record_ends(scanned, True, inside)) + 1
        inside ^= scanned.count(b'"') % 2 == 1
        if len(ends):
            cuts += _thin(ends + position, cuts[-1], block_bytes)
            rows += _count_checked(b"".join([*held, piece[: ends[-1]]]), start, dialect)
            held, start = [piece[ends[-1] :]], position + int(ends[-1])
        else:
            held.append(piece)
        position += len(piece)
        if position - start > RECORD_BYTES:
            raise LongRecordError(start)
    if last := b"".join(held):
        rows += _count_checked(last + b"\n", start, dialect)
    return [cut for cut in cuts if cut < size or cut == begin], rows


class LongRecordError(ValueError):
    """A row that is longer than is taken; `offset` is where it begins, in bytes."""

    def __init__(self, offset: int):
        super().__init__(f"the row at byte {offset:,} is longer than {RECORD_BYTES:,} bytes")
        self.offset = offset


class StrayQuoteError(ValueError):
    """A quote that neither opens nor closes a field; `offset` is where it is, in bytes."""

    def __init__(self, offset: int):
        super().__init__(f"there is a stray quote at byte {offset:,}")
        self.offset = offset


def _count_checked(records: bytes, offset: int, dialect: Dialect) -> int:
    if (stray := stray_quote(records, dialect)) >= 0:
        raise StrayQuoteError(offset + stray)
    return count_rows(dialect.masked(records), quoted=True)


@functools.cache
def _field_pattern(dialect: Dialect) -> tuple[re.Pattern[bytes], re.Pattern[bytes] | None]:
    """A field and the delimiter behind it: (text between quotes, or text without); an escape."""
    end, escape = (re.escape(each.encode()) for each in dialect)
    if not escape:
        plain = rb'(?:"([^"]*(?:""[^"]*)*)"|((?:[^"%b][^%b]*)?))%b' % (end, end, end)
        return re.compile(plain), None
    pair = rb"%b(?s:.)" % escape
    within = rb'"((?:[^"%b]|""|%b)*)"' % (escape, pair)
    without = rb'((?:(?:[^"%b%b]|%b)(?:[^%b%b]|%b)*)?)' % (end, escape, pair, end, escape, pair)
    return re.compile(rb"(?:%b|%b)%b" % (within, without, end)), re.compile(rb"%b((?s:.))" % escape)


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
