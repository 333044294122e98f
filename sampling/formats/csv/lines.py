"""Rows of CSV as text: lines as a file has them, and tables as lines."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from sampling.formats.csv import scanning
from sampling.formats.csv.options import CsvOptions
from sampling.formats.csv.parsing import CsvParser
from sampling.schema import Schema

_HEADER = b"csv header"


def of_text(text: bytes, quoted: bool) -> pa.LargeBinaryArray:
    """The rows of a text, each with a newline at its end; blank lines are none.

    Args:
        text: whole rows without a header, with a newline at the end.
        quoted: whether quoted fields may hold newlines.
    """
    codes, ends = np.frombuffer(text, np.uint8), np.flatnonzero(scanning.record_ends(text, quoted))
    if b"\r" in text:
        returns = ends[codes[ends - 1] == ord("\r")] - 1
        codes = np.delete(codes, returns)
        ends = ends - np.searchsorted(returns, ends)
    is_blank = np.diff(ends, prepend=-1) == 1
    if is_blank.any():
        codes = np.delete(codes, ends[is_blank])
        ends = (ends - np.cumsum(is_blank))[~is_blank]
    offsets = np.append(0, ends + 1).astype(np.int64)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(codes))]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends), buffers)


def rearranged(
    text: bytes,
    layout: Sequence[str],
    names: Sequence[str],
    options: CsvOptions,
    of_path: Mapping[str, str | None],
) -> pa.LargeBinaryArray:
    """The rows of a text with other fields in another order, each as it was written, in UTF-8.

    What an escape makes plain is quoted instead.

    Args:
        layout: the columns' names in the order of the text.
        names: those that are kept, in order.
        of_path: the values of the columns that the text lacks.
    """
    known = list(dict.fromkeys(name for name in layout if name in names))
    # Only what no text can be is missing: MySQL's \\N, which its escape makes.
    nulls = [null for null in options.null_values if options.escape and null.startswith("\\")]
    plain = dataclasses.replace(options, null_values=nulls)
    table = CsvParser(Schema.from_dict(dict.fromkeys(known, str)), plain)(text, layout, known)
    for name, value in of_path.items():
        table = table.append_column(name, pa.repeat(pa.scalar(value, pa.string()), len(table)))
    rewritten = b"".join(_quoted(table.select(list(names)), options.delimiter))
    return of_text(rewritten, options.newlines_in_values)


def as_table(lines: Sequence[pa.Array], names: Sequence[str]) -> pa.Table:
    """Lines as a table of one column that knows what the columns of the text are called."""
    schema = pa.schema([pa.field("line", pa.large_binary())], {_HEADER: "\0".join(names)})
    return pa.table([pa.chunked_array(lines, pa.large_binary())], schema)


def names_of(table: pa.Table) -> list[str]:
    """What the columns of a table are called, or those of the lines that it holds."""
    return _names_of_lines(table) or table.column_names


def to_csv(table: pa.Table, delimiter: str) -> Iterator[bytes]:
    """The text of a table in pieces, without a header; missing values are blank."""
    if _names_of_lines(table):
        for chunk in table.column(0).chunks:
            yield _values(chunk)
        return
    # Faster by a factor of three, and refuses values that need quotes.
    options = pyarrow.csv.WriteOptions(
        include_header=False, delimiter=delimiter, quoting_style="none"
    )
    text = io.BytesIO()
    try:
        if table.num_columns > 1:  # a line that is empty would be no row
            pyarrow.csv.write_csv(table, text, options)
            yield text.getvalue()
            return
    except pa.ArrowInvalid:
        pass
    yield from _quoted(table, delimiter)


def header(names: Sequence[str], delimiter: str) -> bytes:
    """The line that names the columns."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(names)
    return text.getvalue().encode()


def _names_of_lines(table: pa.Table) -> list[str]:
    names = (table.schema.metadata or {}).get(_HEADER)
    return names.decode().split("\0") if names is not None else []


def _quoted(table: pa.Table, delimiter: str) -> Iterator[bytes]:
    """The text of a table in pieces, quotes only around the values that need them."""
    special = f'[{re.escape(delimiter)}"\r\n]' + ("|^$" if table.num_columns == 1 else "")
    columns = []
    for column in table.columns:
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        blank = '""' if table.num_columns == 1 and not is_text else ""
        column = pc.fill_null(column.cast(pa.large_string()), blank)
        if is_text:
            inner = pc.replace_substring(column, '"', '""')
            within = pc.binary_join_element_wise(_text('"'), inner, _text('"'), _text(""))
            column = pc.if_else(pc.match_substring_regex(column, special), within, column)
        columns.append(column)
    columns[-1] = pc.binary_join_element_wise(columns[-1], _text("\n"), _text(""))
    joined = pc.binary_join_element_wise(*columns, _text(delimiter))
    for chunk in joined.chunks if isinstance(joined, pa.ChunkedArray) else [joined]:
        yield _values(chunk)


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, pa.large_string())


def _values(texts: pa.Array) -> bytes:
    """All of an array's texts, one after the other."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data)[ends[0] : ends[-1]].tobytes() if data is not None else b""
