"""CSV text to typed pyarrow tables. No row is lost, none is made up of two, without an error."""

from __future__ import annotations

import codecs
import dataclasses
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from sampling.errors import SamplingError
from sampling.formats.csv import scanning
from sampling.schema import Field, Schema

FLOAT = pa.float32()
_EXPECTED = {
    "INTEGER": "a whole number of 64 bits (INTEGER)",
    "BOOLEAN": "true, false, 1 or 0 (BOOLEAN)",
}
_STRAY_QUOTE = (
    "found a quote that neither opens a field nor closes it, expected quotes around a whole field; "
    "double the quotes inside it"
)
STRAY_RETURN = (
    "found a carriage return without a newline, expected lines that end with \\n or \\r\\n; "
    "convert the file, or pass newlines_in_values=True and quote the fields that hold it"
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
        SamplingError: an option is not of that kind.
    """

    header: bool = True
    delimiter: str = ","
    null_values: Sequence[str] = ("",)
    newlines_in_values: bool = False

    def __post_init__(self) -> None:
        delimiter = self.delimiter
        one_byte = isinstance(delimiter, str) and len(delimiter) == 1 and delimiter.isascii()
        if not one_byte or delimiter in '"\r\n\0':
            raise SamplingError(
                f"delimiter is {delimiter!r}, expected one ASCII character such as ',' or '\\t'; "
                "pass the one between the fields"
            )
        nulls = self.null_values
        listed = isinstance(nulls, Sequence) and not isinstance(nulls, (str, bytes))
        if not listed or not all(isinstance(null, str) for null in nulls):
            raise SamplingError(
                f"null_values is {nulls!r}, expected a list of texts such as ('', 'NA'); pass one"
            )
        object.__setattr__(self, "null_values", tuple(nulls))


class BadTextError(ValueError):
    """A text that can't be read as the schema says."""


def stray_quote(options: CsvOptions) -> str:
    """What to say of one."""
    if options.newlines_in_values:
        return _STRAY_QUOTE
    return _STRAY_QUOTE + ", or pass newlines_in_values=True if fields hold newlines"


def parse(
    data: bytes,
    layout: Sequence[str],
    schema: Schema,
    options: CsvOptions,
    floats: pa.DataType = FLOAT,
) -> pa.Table:
    """Whole rows of CSV -> a table with the columns of `layout`, in the schema's order.

    Its values are those of the text: `finish` it, alone or with others.

    Args:
        data: rows without a header, with a newline at the end.
        layout: the columns' names in the order of the text.
        floats: the type of numbers that are no whole ones; `finish` makes them float32.

    Raises:
        BadTextError: the text does not parse, or a row would be lost.
    """
    types = {field.name: _arrow_type(field, floats) for field in schema if field.name in layout}
    try:
        table = _read(data, layout, types, options)
    except pa.ArrowInvalid as error:
        raise BadTextError(str(error)) from None
    _check_text(data, table.num_rows, options)
    return table


def finish(table: pa.Table, schema: Schema) -> pa.Table:
    """Defaults for empty fields, 0 and 1 for booleans, no NaN, no infinity.

    Raises:
        BadTextError: a value is not allowed.
    """
    names = table.column_names
    return pa.table([_finished(table[name], schema[name], schema) for name in names], names)


def parse_field(
    record: bytes, layout: Sequence[str], field: Field, schema: Schema, options: CsvOptions
) -> None:
    """One field of a row alone.

    Raises:
        BadTextError: its value is not what the schema allows; says what is, and the remedy.
    """
    try:
        column = _read(record, layout, {field.name: _arrow_type(field)}, options).column(0)
    except pa.ArrowInvalid:
        expected = _EXPECTED.get(field.type, f"a number ({field.type})")
        remedy = f"fix it or the column's type{_as_null(field, schema)}"
        raise BadTextError(f"expected {expected}; {remedy}") from None
    _finished(column, field, schema)


def _read(
    data: bytes,
    layout: Sequence[str],
    types: Mapping[str, pa.DataType],
    options: CsvOptions,
) -> pa.Table:
    if data[:1] in b"\r\n" and not data.strip(b"\r\n"):
        return pa.schema(list(types.items())).empty_table()
    if data.startswith(codecs.BOM_UTF8):  # pyarrow would take it for the beginning of a file
        data = b"\n" + data
    return pa.csv.read_csv(
        pa.BufferReader(data),
        # In one piece: a row longer than a piece is an error. Without pyarrow's threads: with them
        # it hangs on every few hundredth error (apache/arrow issues 38676 and 43892).
        pa.csv.ReadOptions(column_names=list(layout), block_size=len(data) + 1, use_threads=False),
        pa.csv.ParseOptions(
            delimiter=options.delimiter, newlines_in_values=options.newlines_in_values
        ),
        pa.csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=options.null_values,
            strings_can_be_null=True,
        ),
    )


def _check_text(data: bytes, rows: int, options: CsvOptions) -> None:
    """What pyarrow takes without a word although it can't be meant.

    Two stray quotes make one row of many. Where newlines are allowed in fields, quotes have been
    looked at already, when the file was cut.
    """
    if b"\0" in data:
        raise BadTextError("found a NUL byte, expected text; convert the file to UTF-8")
    quoted = options.newlines_in_values
    if not quoted and b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        raise BadTextError(STRAY_RETURN)
    if not quoted and b'"' in data and not scanning.lines_are_records(data, options.delimiter):
        raise BadTextError(stray_quote(options))
    if not quoted and rows == scanning.count_newlines(data):
        return
    if rows != scanning.count_rows(data, quoted):  # blank lines are rare
        raise BadTextError(STRAY_RETURN)


def _arrow_type(field: Field, floats: pa.DataType = FLOAT) -> pa.DataType:
    if field.type == "BOOLEAN":
        return pa.bool_()
    if field.is_string:
        return pa.string()
    return pa.int64() if field.is_integer else floats


def _finished(column: pa.ChunkedArray, field: Field, schema: Schema) -> pa.ChunkedArray:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_float64(column.type):
        column = column.cast(FLOAT, safe=False)
    if column.null_count:
        if not schema.allows_empty(field):
            raise BadTextError(f"expected a value; {_fill_in(field, schema)}")
        column = pc.fill_null(column, pa.scalar(field.empty_value, column.type))
    if pa.types.is_floating(column.type) and not pc.all(pc.is_finite(column), min_count=0).as_py():
        raise BadTextError(f"expected a finite number (float32); fix it{_as_null(field, schema)}")
    return column


def _fill_in(field: Field, schema: Schema) -> str:
    if field.mode == "REQUIRED":
        return "fill it in, or make the REQUIRED column NULLABLE"
    role = "label" if field.name == schema.label else "weight"
    return f"fill it in, or give the field a default, since no {role} is made up"


def _as_null(field: Field, schema: Schema) -> str:
    if not schema.allows_empty(field):
        return ""
    return f", or name it in null_values to have it read as {field.empty_value!r}"
