"""A plain sentence for a row that can't be read: which column, what was found and expected."""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Sequence

from sampling.formats.csv import parsing, scanning
from sampling.formats.csv.parsing import BadTextError, CsvOptions
from sampling.schema import Schema

_SHOWN = 60  # characters of a row or value


def explain(
    text: bytes, layout: Sequence[str], schema: Schema, options: CsvOptions
) -> tuple[int, str] | None:
    """The first bad row in whole lines; None if all are good.

    Returns:
        (its line, counted from 0; what is wrong, as the end of a sentence)
    """
    if not (problem := _problem(text, layout, schema, options)):
        return None
    numbered = list(scanning.numbered_records(text, options.newlines_in_values))
    records = [record for _, record in numbered]

    def fails(last: int) -> bool:
        data = b"\n".join(records[: last + 1]) + b"\n"
        return _problem(data, layout, schema, options) is not None

    bad = bisect.bisect(range(len(records) - 1), False, key=fails)
    line, record = numbered[bad]
    return line, _explain_row(record, layout, schema, options) or f": {problem}"


def _problem(
    text: bytes, layout: Sequence[str], schema: Schema, options: CsvOptions
) -> BadTextError | None:
    try:
        parsing.finish(parsing.parse(text, layout, schema, options), schema)
    except BadTextError as error:
        return error
    return None


def _explain_row(
    record: bytes, layout: Sequence[str], schema: Schema, options: CsvOptions
) -> str | None:
    line = f"the line is {shown(record)}"
    if b"\r" in record.rstrip(b"\r") and not options.newlines_in_values:
        return f": {parsing.STRAY_RETURN}; {line}"
    fields = scanning.split_fields(record, options.delimiter)
    if fields is None:
        return f": {parsing.stray_quote(options)}; {line}"
    if len(fields) != len(layout):
        return f": {_wrong_number(len(fields), layout, options)}; {line}"
    return _explain_field(record, fields, layout, schema, options)


def shown(text: bytes) -> str:
    """`b"some text"` -> `'some text'`, the beginning of a long one; `b'...'` if it is not UTF-8."""
    value: str | bytes = text
    with contextlib.suppress(UnicodeDecodeError):
        value = text.decode()
    return repr(value[:_SHOWN]) + ("..." if len(value) > _SHOWN else "")


def _wrong_number(found: int, layout: Sequence[str], options: CsvOptions) -> str:
    remedy = "fix the row"
    if found > len(layout):
        remedy += f", or quote fields that hold the delimiter {options.delimiter!r}"
    number = f"{found} field{'s' if found != 1 else ''}"
    return f"found {number}, expected {len(layout)} ({', '.join(layout)}); {remedy}"


def _explain_field(
    record: bytes,
    fields: Sequence[bytes],
    layout: Sequence[str],
    schema: Schema,
    options: CsvOptions,
) -> str | None:
    """The first column whose value is not what its field allows."""
    for name, value in zip(layout, fields, strict=True):
        at = f", column {name!r}: found {shown(value) if value else 'nothing'}"
        if b"\0" in value:
            return f"{at} with a NUL byte, expected text; convert the file to UTF-8"
        try:
            value.decode()
            parsing.parse_field(record + b"\n", layout, schema[name], schema, options)
        except UnicodeDecodeError as error:
            byte = value[error.start]
            return f"{at} with the byte {byte:#04x}, expected text in UTF-8; convert the file"
        except BadTextError as error:
            return f"{at}, {error}"
    return None
