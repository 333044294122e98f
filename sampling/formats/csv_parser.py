"""CSV text to typed pyarrow tables, and a plain sentence for what can't be read."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from sampling.formats import csv_lines
from sampling.schema import Field, Schema

_PARSE_BYTES = 2 * 2**20  # what one thread parses at a time
_STRAY_QUOTE = (
    "found a quote that is opened and not closed, or a bare carriage return; "
    "double the quotes inside a quoted field, or pass newlines_in_values=True if fields "
    "hold newlines"
)


@dataclasses.dataclass(frozen=True)
class CsvOptions:
    """How the files are written.

    Args:
        header: whether the first line of each file names its columns.
        delimiter: between fields, one character.
        null_values: the spellings of an empty field.
        newlines_in_values: whether quoted fields may hold newlines; it costs a pass over the files
            to find out where rows begin.

    Raises:
        ValueError: an option is not of that kind.
    """

    header: bool = True
    delimiter: str = ","
    null_values: tuple[str, ...] = ("",)
    newlines_in_values: bool = False

    def __post_init__(self) -> None:
        delimiter = self.delimiter
        one_byte = isinstance(delimiter, str) and len(delimiter) == 1 and delimiter.isascii()
        if not one_byte or delimiter in '"\r\n':
            raise ValueError(
                f"delimiter is {delimiter!r}, expected one ASCII character such as ',' or '\\t'"
            )
        nulls = self.null_values
        if isinstance(nulls, str) or not all(isinstance(null, str) for null in nulls):
            raise ValueError(
                f"null_values is {nulls!r}, expected a list of texts such as ('', 'NA')"
            )
        object.__setattr__(self, "null_values", tuple(nulls))


class BadTextError(ValueError):
    """A text that can't be read as the schema says."""


def parse(
    data: bytes, layout: Sequence[str], schema: Schema, options: CsvOptions, threads: bool = True
) -> pa.Table:
    """Whole rows of CSV -> a table with the columns of `layout`, in the schema's order.

    Args:
        data: rows without a header.
        layout: the columns' names in the order of the text.
        threads: whether to use pyarrow's threads.

    Raises:
        BadTextError: the text does not parse, or a row would be lost, or a value is not allowed.
    """
    fields = [field for field in schema if field.name in layout]
    types = {field.name: _arrow_type(field) for field in fields}
    try:
        table = _read(data, layout, types, options, threads)
    except pa.ArrowInvalid as error:
        raise BadTextError(str(error)) from None
    if not _is_complete(table, data, options.newlines_in_values):
        raise BadTextError(_STRAY_QUOTE)
    _check_text(data, options)
    for index, field in enumerate(fields):
        column = _finished(table.column(index), field, schema)
        if column is not table.column(index):
            table = table.set_column(index, field.name, column)
    return table


def _is_complete(table: pa.Table, data: bytes, quoted: bool) -> bool:
    """Whether no row was lost: as many as lines, less the blank ones, which are rare."""
    if not quoted and table.num_rows == csv_lines.count_newlines(data):
        return True
    return table.num_rows == csv_lines.count_rows(data, quoted)


def explain(
    record: bytes, layout: Sequence[str], schema: Schema, options: CsvOptions
) -> str | None:
    """What is wrong with one row, as the end of a sentence; None if nothing is."""
    try:
        parse(record, layout, schema, options, threads=False)
    except BadTextError as error:
        strings = dict.fromkeys(layout, pa.string())
        try:
            texts = _read(record, layout, strings, options, threads=False)
        except pa.ArrowInvalid:
            return _explain_fields(record, layout, options)
        problem = _explain_value(record, texts, schema, options) if texts.num_rows == 1 else None
        return problem or f": {error}"
    return None


def split_fields(record: bytes, delimiter: str) -> list[str]:
    """The fields of one record, by the rules of CSV."""
    return next(csv.reader([record.decode(errors="replace")], delimiter=delimiter), [])


def _explain_fields(record: bytes, layout: Sequence[str], options: CsvOptions) -> str:
    try:
        record.decode()
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        return f": found the byte {byte:#04x}, expected text in UTF-8; convert the file"
    if record.count(b'"') % 2:
        return f": {_STRAY_QUOTE}"
    found = len(split_fields(record, options.delimiter))
    shown = record[:60].decode(errors="replace") + ("..." if len(record) > 60 else "")
    return (
        f": found {found} fields ({shown!r}), expected {len(layout)} ({', '.join(layout)}); "
        f"mend the row, or quote fields that hold the delimiter {options.delimiter!r}"
    )


def _explain_value(
    record: bytes, texts: pa.Table, schema: Schema, options: CsvOptions
) -> str | None:
    """The first column whose value is not what its field allows."""
    for name in texts.column_names:
        field = schema[name]
        types = {n: _arrow_type(field) if n == name else pa.string() for n in texts.column_names}
        value = texts.column(name)[0].as_py()
        at = f", column {name!r}: found"
        try:
            column = _read(record, texts.column_names, types, options, threads=False)[name]
            _finished(column, field, schema)
        except pa.ArrowInvalid:
            empty = field.empty_value
            return (
                f"{at} {value!r}, expected {field.type}; mend the value, "
                f"or name it in null_values to have it read as {empty!r}"
            )
        except BadTextError as error:
            return f"{at} {'nothing' if value is None else repr(value)}, {error}"
    return None


def _read(
    data: bytes,
    layout: Sequence[str],
    types: dict[str, pa.DataType],
    options: CsvOptions,
    threads: bool,
) -> pa.Table:
    if data[:1] in b"\r\n" and not data.strip(b"\r\n"):
        return pa.schema(list(types.items())).empty_table()
    return pa.csv.read_csv(
        pa.BufferReader(data),
        pa.csv.ReadOptions(column_names=list(layout), block_size=_PARSE_BYTES, use_threads=threads),
        pa.csv.ParseOptions(
            delimiter=options.delimiter, newlines_in_values=options.newlines_in_values
        ),
        pa.csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=list(options.null_values),
            strings_can_be_null=True,
        ),
    )


def _check_text(data: bytes, options: CsvOptions) -> None:
    """What pyarrow takes without a word although it can't be meant."""
    if b"\0" in data:
        raise BadTextError("found a NUL byte, expected text; convert the file to UTF-8")
    if options.newlines_in_values:
        if b'"' in data and data.endswith(b"\n") and not csv_lines.record_ends(data, True)[-1]:
            raise BadTextError(_STRAY_QUOTE)
        return
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        raise BadTextError(_STRAY_QUOTE)
    last = data[data.rfind(b"\n", 0, len(data) - 1) + 1 :].rstrip(b"\r\n")
    if b'"' in last:  # an open quote at the very end swallows no line that could be missed
        twice = pa.BufferReader(last + b"\n" + last + b"\n")
        read = pa.csv.ReadOptions(autogenerate_column_names=True, use_threads=False)
        parse_options = pa.csv.ParseOptions(delimiter=options.delimiter)
        if pa.csv.read_csv(twice, read, parse_options).num_rows != 2:
            raise BadTextError(_STRAY_QUOTE)


def _arrow_type(field: Field) -> pa.DataType:
    if field.type == "BOOLEAN":
        return pa.bool_()
    if field.is_string:
        return pa.string()
    return pa.int64() if field.is_integer else pa.float32()


def _finished(column: pa.ChunkedArray, field: Field, schema: Schema) -> pa.ChunkedArray:
    """Defaults for empty fields, 0 and 1 for booleans, no NaN, no infinity."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    if column.null_count:
        if not schema.allows_empty(field):
            raise BadTextError(f"expected a value ({_why_required(field, schema)}); fill it in")
        column = pc.fill_null(column, _scalar(field.empty_value, column.type))
    if pa.types.is_floating(column.type) and not all(
        np.isfinite(chunk.to_numpy()).all() for chunk in column.chunks
    ):
        raise BadTextError(
            "expected a finite number; mend the value, or name it in null_values to have it "
            f"read as {field.empty_value!r}"
        )
    return column


def _scalar(value: Any, type_: pa.DataType) -> pa.Scalar:
    return pa.scalar(value, type_)


def _why_required(field: Field, schema: Schema) -> str:
    if field.mode == "REQUIRED":
        return "the column is REQUIRED"
    role = "label" if field.name == schema.label else "weight"
    return f"the {role} of a row is never made up"
