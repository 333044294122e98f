"""CSV text to typed pyarrow tables. No row is lost, none is made up of two, without an error."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.csv

from sampling.formats.csv import scanning
from sampling.formats.csv.options import UTF8, CsvOptions
from sampling.formats.values import text, types
from sampling.schema import Field, Schema

__all__ = ["BadTextError", "CsvOptions", "CsvParser"]

_STRAY_QUOTE = (
    "found a quote that neither opens a field nor closes it, expected quotes around a whole field; "
    "double the quotes inside it"
)
STRAY_RETURN = (
    "found a carriage return without a newline, expected lines that end with \\n or \\r\\n; "
    "convert the file, or pass newlines_in_values=True and quote the fields that hold it"
)
_ESCAPED_NEWLINE = (
    "found an escaped newline, expected a row in each line; pass newlines_in_values=True"
)
_FLOAT = pa.float32()
# What MySQL writes for NULL: no letter that is escaped.
_SQL_NULL, _NULL = "\\N", "\x1a"


class BadTextError(ValueError):
    """A text that can't be read as the schema says."""


def stray_quote(options: CsvOptions) -> str:
    """What to say of one."""
    if options.newlines_in_values:
        return _STRAY_QUOTE
    return _STRAY_QUOTE + ", or pass newlines_in_values=True if fields hold newlines"


class CsvParser:
    """Rows of text -> tables whose values are those of the text, null where nothing is.

    Args:
        schema: the columns.
        options: how the text is written.
        floats: the type of numbers that are no whole ones.
    """

    def __init__(self, schema: Schema, options: CsvOptions, floats: pa.DataType = _FLOAT):
        self._schema, self._options, self._floats = schema, options, floats
        # Whole numbers that are written as 17.0 somewhere, and " yes" with blanks.
        self._as_text: set[str] = set()
        nulls = list(options.null_values)
        self._nulls = [*nulls, _NULL] if options.escape and _SQL_NULL in nulls else nulls

    def __call__(
        self, data: bytes | memoryview, layout: Sequence[str], names: Sequence[str]
    ) -> pa.Table:
        """Whole rows -> a table of some columns, in their order.

        Args:
            data: rows without a header, with a newline at the end.
            layout: the columns' names in the order of the text.
            names: those of the schema's columns that are parsed.

        Raises:
            BadTextError: the text does not parse, or a row would be lost.
        """
        there = set(layout)
        fields = [self._schema[name] for name in names if name in there]
        self._check_newlines(data)
        utf8 = self.in_utf8(data)
        try:
            table = self._read(utf8, layout, {f.name: self._type(f) for f in fields})
        except pa.ArrowInvalid as error:
            table = self._read_again(utf8, layout, fields, error)
        self._check_text(data, table.num_rows)
        for place, field in enumerate(fields):
            if field.name in self._as_text and pa.types.is_string(table.field(place).type):
                column = self._typed(table.column(place), field)
                table = table.set_column(place, field.name, column)
        return table

    def parse_field(self, record: bytes, layout: Sequence[str], field: Field) -> None:
        """One field of a row alone.

        Raises:
            BadTextError: its value is not what the schema allows; says what is, and the remedy.
        """
        utf8 = self.in_utf8(record)
        try:
            is_spelled = field.is_integer and not self._is_of_class(field)
            as_type = pa.string() if is_spelled else self._type(field)
            column = self._read(utf8, layout, {field.name: as_type}).column(0)
            if is_spelled:
                self._typed(column, field)
        except (pa.ArrowInvalid, BadTextError):
            remedy = f"fix it or the column's type{self._as_null(field)}"
            raise BadTextError(f"expected {types.expected(field)}; {remedy}") from None

    def in_utf8(self, data: bytes | memoryview) -> bytes | memoryview:
        """A text as it is parsed.

        Raises:
            BadTextError: it is not of the encoding.
        """
        options = self._options
        if options.encoding != UTF8:
            try:
                data = bytes(data).decode(options.encoding).encode()
            except UnicodeDecodeError as error:
                raise BadTextError(
                    f"found the byte {error.object[error.start]:#04x}, expected text in "
                    f"{options.encoding}; pass the encoding of the file"
                ) from None
        if _NULL in self._nulls:
            delimiter = options.delimiter.encode()
            data = scanning.replaced_fields(
                bytes(data), delimiter, _SQL_NULL.encode(), _NULL.encode()
            )
        return data

    def _read_again(
        self,
        data: bytes | memoryview,
        layout: Sequence[str],
        fields: Sequence[Field],
        error: pa.ArrowInvalid,
    ) -> pa.Table:
        """With whole numbers and booleans as text, which they are converted from, where they are to
        blame."""
        spelled = [
            field
            for field in fields
            if field.is_integer and not self._is_of_class(field) and field.name not in self._as_text
        ]
        column_types = {f.name: pa.string() if f in spelled else self._type(f) for f in fields}
        if not spelled:
            raise BadTextError(str(error)) from None
        try:
            table = self._read(data, layout, column_types)
        except pa.ArrowInvalid:
            raise BadTextError(str(error)) from None
        for field in spelled:
            place = table.column_names.index(field.name)
            texts = table.column(place)
            if not text.is_plain(texts, field):
                self._as_text.add(field.name)  # for good, so that nothing is read twice
            table = table.set_column(place, field.name, self._typed(texts, field))
        return table

    def _typed(self, texts: pa.ChunkedArray, field: Field) -> pa.ChunkedArray:
        try:
            if field.type == "BOOLEAN":
                return text.booleans(texts)
            return text.whole_numbers(texts, self._options.decimal)
        except pa.ArrowInvalid as error:
            raise BadTextError(str(error)) from None

    def _is_of_class(self, field: Field) -> bool:
        """Whether values are names of classes, whatever their type."""
        return field.name == self._schema.label and bool(self._schema.classes)

    def _type(self, field: Field) -> pa.DataType:
        if self._is_of_class(field):
            return pa.dictionary(pa.int32(), pa.string())
        if field.name in self._as_text or field.is_string:
            return pa.string()
        if field.type == "BOOLEAN":
            return pa.bool_()
        return pa.int64() if field.is_integer else self._floats

    def _read(
        self,
        data: bytes | memoryview,
        layout: Sequence[str],
        column_types: Mapping[str, pa.DataType],
    ) -> pa.Table:
        options = self._options
        if data[:1] in (b"\r", b"\n", b"") and not bytes(data).strip(b"\r\n"):
            return pa.schema(list(column_types.items())).empty_table()
        if data[:3] == codecs.BOM_UTF8:  # pyarrow would take it for the beginning of a file
            data = b"\n" + data
        return pa.csv.read_csv(
            pa.BufferReader(data),
            # In one piece: a row longer than a piece is an error. Without pyarrow's threads: with
            # them it hangs on every few hundredth error (apache/arrow issues 38676 and 43892).
            pa.csv.ReadOptions(
                column_names=list(layout), block_size=len(data) + 1, use_threads=False
            ),
            pa.csv.ParseOptions(
                delimiter=options.delimiter,
                escape_char=options.escape or False,
                newlines_in_values=options.newlines_in_values,
            ),
            pa.csv.ConvertOptions(
                column_types=column_types,
                include_columns=list(column_types),
                null_values=self._nulls,
                strings_can_be_null=True,
                true_values=text.TRUE,
                false_values=text.FALSE,
                decimal_point=options.decimal,
            ),
        )

    def _check_text(self, data: bytes | memoryview, rows: int) -> None:
        """What pyarrow takes without a word although it can't be meant.

        Two stray quotes make one row of many. Where newlines are allowed in fields, quotes have
        been looked at already, when the file was cut.
        """
        data, dialect = bytes(data), self._options.dialect
        if b"\0" in data:
            raise BadTextError("found a NUL byte, expected text; convert the file to UTF-8")
        quoted = self._options.newlines_in_values
        if not quoted and b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
            raise BadTextError(STRAY_RETURN)
        if not quoted and b'"' in data and not scanning.lines_are_records(data, dialect):
            raise BadTextError(stray_quote(self._options))
        if not quoted and rows == scanning.count_newlines(data):
            return
        if rows != scanning.count_rows(dialect.masked(data) if quoted else data, quoted):
            raise BadTextError(STRAY_RETURN)  # blank lines are rare

    def _check_newlines(self, data: bytes | memoryview) -> None:
        options = self._options
        if options.escape and not options.newlines_in_values:
            text = bytes(data)
            if options.dialect.masked(text).count(b"\n") != text.count(b"\n"):
                raise BadTextError(_ESCAPED_NEWLINE)

    def _as_null(self, field: Field) -> str:
        if not self._schema.allows_empty(field):
            return ""
        return f", or name it in null_values to have it read as {field.empty_value!r}"
