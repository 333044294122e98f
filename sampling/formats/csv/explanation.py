"""A plain sentence for a row that can't be read: which column, what was found and expected."""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Sequence

from sampling.formats.csv import parsing, scanning
from sampling.formats.csv.options import UTF8, CsvOptions
from sampling.formats.csv.parsing import BadTextError, CsvParser
from sampling.schema import Schema

_SHOWN = 60  # characters of a row or value


class Explanation:
    """What is wrong with rows of text.

    Args:
        schema: the columns.
        options: how the text is written.
        parser: that refused it.
        names: of the columns that it was to parse.
    """

    def __init__(
        self, schema: Schema, options: CsvOptions, parser: CsvParser, names: Sequence[str]
    ):
        self._schema, self._options = schema, options
        self._parser, self._names = parser, names

    def __call__(self, text: bytes, layout: Sequence[str]) -> tuple[int, str] | None:
        """The first bad row in whole lines; None if all are good.

        Returns:
            (its line, counted from 0; what is wrong, as the end of a sentence)
        """
        if not (problem := self._problem(text, layout)):
            return None
        quoted, dialect = self._options.newlines_in_values, self._options.dialect
        numbered = list(scanning.numbered_records(text, quoted, dialect))
        records = [record for _, record in numbered]

        def fails(last: int) -> bool:
            return self._problem(b"\n".join(records[: last + 1]) + b"\n", layout) is not None

        bad = bisect.bisect(range(len(records) - 1), False, key=fails)
        line, record = numbered[bad]
        return line, self._of_row(record, layout) or f": {problem}"

    def _problem(self, text: bytes, layout: Sequence[str]) -> BadTextError | None:
        try:
            self._parser(text, layout, self._names)
        except BadTextError as error:
            return error
        return None

    def _of_row(self, record: bytes, layout: Sequence[str]) -> str | None:
        options = self._options
        line = f"the line is {shown(record, options.encoding)}"
        if b"\r" in record.rstrip(b"\r") and not options.newlines_in_values:
            return f": {parsing.STRAY_RETURN}; {line}"
        fields = scanning.split_fields(record, options.dialect)
        if fields is None and not options.dialect.ends_open(record):
            return f": {parsing.stray_quote(options)}; {line}"
        if fields is None:
            return None
        if len(fields) != len(layout):
            return f": {_wrong_number(len(fields), layout, options)}; {line}"
        return self._of_field(record, fields, layout)

    def _of_field(
        self, record: bytes, fields: Sequence[bytes], layout: Sequence[str]
    ) -> str | None:
        """The first column whose value is not what its field allows."""
        encoding = self._options.encoding
        for name, value in zip(layout, fields, strict=True):
            at = f", column {name!r}: found {shown(value, encoding) if value else 'nothing'}"
            if b"\0" in value:
                return f"{at} with a NUL byte, expected text; convert the file to UTF-8"
            try:
                value.decode(encoding)
            except UnicodeDecodeError as error:
                byte = value[error.start]
                remedy = "pass encoding='latin-1' if it is that, or " if encoding == UTF8 else ""
                return (
                    f"{at} with the byte {byte:#04x}, expected text in {encoding.upper()}; "
                    f"{remedy}convert the file"
                )
        for name, value in zip(layout, fields, strict=True):
            if name not in self._names:
                continue
            try:
                self._parser.parse_field(record + b"\n", layout, self._schema[name])
            except BadTextError as error:
                found = shown(value, encoding) if value else "nothing"
                return f", column {name!r}: found {found}, {error}"
        return None


def shown(text: bytes, encoding: str = UTF8) -> str:
    """`b"some text"` -> `'some text'`, the beginning of a long one; `b'...'` if it is no text."""
    value: str | bytes = text
    with contextlib.suppress(UnicodeDecodeError):
        value = text.decode(encoding)
    return repr(value[:_SHOWN]) + ("..." if len(value) > _SHOWN else "")


def _wrong_number(found: int, layout: Sequence[str], options: CsvOptions) -> str:
    remedy = "fix the row"
    if found > len(layout):
        remedy += f", or quote fields that hold the delimiter {options.delimiter!r}"
    number = f"{found} field{'s' if found != 1 else ''}"
    return f"found {number}, expected {len(layout)} ({', '.join(layout)}); {remedy}"
