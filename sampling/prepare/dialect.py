"""What separates the fields of a CSV file, and whether its first line names the columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sampling.schema import shapes

# In this order where several would do: a semicolon stands between decimal commas, and commas,
# blanks and bars are found in text.
DELIMITERS = ("\t", ";", "|", ",")
_DECIMAL_COMMA = re.compile(r"\s*-?\d+(,\d+)?\s*")
_COUNTING = re.compile(r"\d+")
_NOTHINGS = frozenset(("", "na", "n/a", "null", "none", "nan", "?", "-"))
_WORDS = frozenset(word for pair in shapes.WORDS for word in pair)
_CONSTANT = 0.9  # of the lines have the usual number of fields


class TextDialect(NamedTuple):
    """How a text is written, and the fields of its first record."""

    delimiter: str
    header: bool
    first: Sequence[str]


def of_text(
    text: str,
    delimiter: str | None = None,
    header: bool | None = None,
    decimal: str = ".",
    escape: str = "",
) -> TextDialect:
    """That of the first lines of a file.

    Args:
        text: whole lines.
        delimiter, header: where they are known.
        decimal, escape: see `CsvOptions`.
    """
    delimiter = delimiter or _delimiter(text, decimal, escape)
    rows = _rows(text, delimiter, escape)
    has_header = _has_header(rows) if header is None else header
    return TextDialect(delimiter, has_header, rows[0] if rows else [])


def _rows(text: str, delimiter: str, escape: str) -> list[list[str]]:
    """Fields of the records that are not blank."""
    lines = text.splitlines(keepends=True)
    try:
        reader = csv.reader(lines, delimiter=delimiter, escapechar=escape or None)
        return [row for row in reader if row]
    except csv.Error:  # a field of over 128 KiB, say
        return [line.rstrip("\r\n").split(delimiter) for line in lines if line.strip()]


def _delimiter(text: str, decimal: str, escape: str) -> str:
    """The one by which most lines have the same number of fields, two or more."""
    best, best_share = ",", 0.0
    for delimiter in DELIMITERS:
        if delimiter == decimal:
            continue
        rows = _rows(text, delimiter, escape)
        if not rows:
            return ","
        fields, times = Counter(map(len, rows)).most_common(1)[0]
        share = times / len(rows)
        if fields < 2 or share < _CONSTANT or len(rows[0]) != fields:
            continue
        if delimiter == "," and best in (";", "|") and not _are_decimal_commas(text, best, escape):
            return ","
        if share > best_share + 1e-9:
            best, best_share = delimiter, share
    return best


def _are_decimal_commas(text: str, delimiter: str, escape: str) -> bool:
    """Whether the commas between other delimiters stand in numbers, not between fields."""
    with_comma = [field for row in _rows(text, delimiter, escape) for field in row if "," in field]
    decimal = sum(bool(_DECIMAL_COMMA.fullmatch(field)) for field in with_comma)
    return decimal >= len(with_comma) / 2


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns.

    It does if its fields are distinct texts and stand above numbers or dates; if all is text, if
    none of its fields comes again in its column. It does not if it has numbers as the others have.
    """
    if not rows:
        return True
    first, others = [field.strip() for field in rows[0]], rows[1:]
    named = [field for field in first if field]
    if not named:
        return False
    columns = [[row[i].strip() for row in others if i < len(row)] for i in range(len(first))]
    if all(map(_COUNTING.fullmatch, named)):  # a DataFrame without names has 0, 1, 2
        return [int(name) for name in named] == list(range(int(named[0]), len(named)))
    above_values, among_values = 0, 0
    for name, column in zip(first, columns, strict=True):
        found = _shapes(column)
        is_typed = bool(found) and shapes.TEXT not in found
        is_name = _shape(name) == shapes.TEXT and name.casefold() not in _NOTHINGS
        above_values += is_name and is_typed and (shapes.TRUE not in found or len(set(column)) > 1)
        among_values += _shape(name) in (shapes.WHOLE, shapes.DATE)
    if above_values or among_values:
        return above_values > among_values
    again = sum(name in column for name, column in zip(first, columns, strict=True) if name)
    return len(set(named)) == len(named) and 2 * again < len(named)


def _shapes(column: Sequence[str]) -> set[str]:
    return {_shape(field) for field in column if field.casefold() not in _NOTHINGS}


def _shape(field: str) -> str:
    """Of a field that is not empty: TEXT, or what a name can't be."""
    if re.fullmatch(r"[+-]?[$€£]?\s*[\d.,]*\d[\d.,]*\s*%?|[+-]?[\d.]+[eE][+-]?\d+", field):
        return shapes.WHOLE
    if re.match(r"\d{4}-\d{2}-\d{2}|\d{1,2}[:/.]\d{1,2}", field):
        return shapes.DATE
    if field.casefold().rstrip(".") in _WORDS:
        return shapes.TRUE
    return shapes.TEXT
