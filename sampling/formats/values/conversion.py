"""Tables as a format has them -> tables of a schema's columns and types.

A value is converted where it stays what it is: 4.0 for an INTEGER, 4 for a FLOAT or a STRING, a
date for a DATE. Otherwise it is refused. What is missing (null, NaN, a spelling of nothing) is null
first, in every format, and then what its field makes of it.
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling.formats.values import types
from sampling.formats.values.types import arrow_type, expected
from sampling.schema import Field, Schema, labels

_CODED = pa.dictionary(pa.int32(), pa.string())
_BLANK = ("",)


class BadValueError(ValueError):
    """A value that the schema does not allow.

    Attributes:
        row: where in the table it is, from 0.
        column: its name.
        found: the value as it is said.
        wanted: what the schema allows, and the remedy: the end of a sentence.
    """

    def __init__(self, row: int, column: str, found: str, wanted: str):
        super().__init__(f"row {row}, column {column!r}: found {found}, {wanted}")
        self.row, self.column, self.found, self.wanted = row, column, found, wanted

    @property
    def problem(self) -> str:
        return f"found {self.found}, {self.wanted}"


class Conversion:
    """Tables of files -> what a schema makes of them.

    Whole numbers, booleans and labels with classes are int64, other numbers float32, the rest
    strings. Missing values are the fields' defaults, and indicators say where they were.

    Args:
        schema: the columns.
        null_values: spellings of what is missing; empty where a parser has looked for them.
    """

    def __init__(self, schema: Schema, null_values: Sequence[str] = ()):
        self._schema, self._nulls = schema, tuple(null_values)

    def __call__(self, table: pa.Table, coded: bool = False, filled: bool = True) -> pa.Table:
        """The schema's columns that a table has, in the schema's order, and their indicators.

        Args:
            coded: whether strings of features are to be codes of distinct strings (dictionaries).
            filled: whether missing values become defaults; otherwise they stay null, there are no
                indicators, and labels with classes stay as they are spelled.

        Raises:
            BadValueError: a value is not what its field allows.
        """
        columns: dict[str, Any] = {}
        there = set(table.column_names)
        for field in self._schema:
            if field.name in there:
                columns.update(self._columns(table.column(field.name), field, coded, filled))
        return pa.table(columns)

    def _columns(
        self, column: pa.ChunkedArray, field: Field, coded: bool, filled: bool
    ) -> Iterator[tuple[str, Any]]:
        if field.is_list:
            yield from self._list_columns(column, field, filled)
            return
        coded = coded and types.can_be_coded(field, self._schema)
        if coded and self._is_coded(column, field, filled):
            yield field.name, column
            if field.indicator and filled:
                yield field.indicator_name, np.zeros(len(column), np.int64)
            return
        values = self._known(column, field, filled)
        is_null = pc.is_null(values) if values.null_count else None
        if is_null is not None:
            self._check_empty(is_null, column, field)
            if filled:
                empty = self._empty_value(field)
                values = pc.fill_null(values, pa.scalar(empty, values.type))
        yield field.name, values.dictionary_encode() if coded else values
        if field.indicator and filled:
            missing = np.zeros(len(column), np.int64) if is_null is None else _as_numbers(is_null)
            yield field.indicator_name, missing

    def _known(self, column: Any, field: Field, filled: bool) -> Any:
        """The values in the field's type; what is missing is null."""
        if field.name == self._schema.label and self._schema.classes:
            if filled:
                return self._places(column, field)
            return column.cast(pa.string()) if pa.types.is_binary(column.type) else column
        values = _converted(column, field)
        if pa.types.is_floating(values.type):
            return _finite(values, column, field)
        if field.is_string and self._looks_for_nulls(field, filled):
            return without(values, self._nulls)
        return values

    def _is_coded(self, column: pa.ChunkedArray, field: Field, filled: bool) -> bool:
        """Whether a column is what is wanted already: codes of strings, none of them missing."""
        if column.type != _CODED or column.null_count:
            return False
        if not self._looks_for_nulls(field, filled):
            return True
        nulls = pa.array(self._nulls, pa.string())
        return not any(pc.any(pc.is_in(c.dictionary, nulls)).as_py() for c in column.chunks)

    def _looks_for_nulls(self, field: Field, filled: bool) -> bool:
        """Whether it matters that some strings are spellings of nothing."""
        blank_is_blank = field.default in (None, "") and not field.indicator
        is_all_one = filled and blank_is_blank and self._schema.allows_empty(field)
        return bool(self._nulls) and not (is_all_one and self._nulls == _BLANK)

    def _empty_value(self, field: Field) -> Any:
        if field.name == self._schema.label and self._schema.classes:
            return labels.place(field.default, self._schema.classes)
        return field.empty_value

    def _check_empty(self, is_null: Any, column: Any, field: Field) -> None:
        if self._schema.allows_empty(field):
            return
        row = int(np.argmax(_as_numbers(is_null)))
        value = column[row].as_py()
        found = "nothing" if value != value or value in (None, "", b"") else repr(value)
        raise BadValueError(row, field.name, found, self._fill_in(field))

    def _fill_in(self, field: Field) -> str:
        if field.mode == "REQUIRED":
            return (
                "expected a value, as of keys and REQUIRED columns; fill it in, leave the row out, "
                "or declare the column NULLABLE unless it is a key"
            )
        role = "label" if field.name == self._schema.label else "weight"
        return (
            f"expected a value; fill it in, or give the field a default, since no {role} is made up"
        )

    def _places(self, column: Any, field: Field) -> Any:
        """Labels -> int64, which of the classes each is."""
        encoded = _combined(column)
        if not pa.types.is_dictionary(encoded.type):
            encoded = encoded.dictionary_encode()
        classes = self._schema.classes
        places: list[int | None] = []
        for code, value in enumerate(encoded.dictionary.to_pylist()):
            place = labels.place(value, classes)
            if place is None and not self._is_missing(value):
                has_it = _as_numbers(pc.fill_null(pc.equal(encoded.indices, code), False))
                if not has_it.any():  # a slice of a table may have values of the other rows
                    places.append(None)
                    continue
                names = ", ".join(map(repr, classes[:20])) + (", ..." if len(classes) > 20 else "")
                wanted = f"expected one of the classes {names}; fix it, or the schema's classes"
                text = value.decode(errors="replace") if isinstance(value, bytes) else value
                raise BadValueError(int(np.argmax(has_it)), field.name, repr(text), wanted)
            places.append(place)
        return pa.array(places, pa.int64()).take(encoded.indices)

    def _is_missing(self, value: Any) -> bool:
        return value is None or value != value or value in self._nulls

    def _list_columns(
        self, column: pa.ChunkedArray, field: Field, filled: bool
    ) -> Iterator[tuple[str, Any]]:
        """Lists as they are, or of one length; an empty one is of nothing, or of defaults."""
        values = _combined(column)
        if pa.types.is_null(values.type):
            values = values.cast(pa.list_(arrow_type(field)))
        lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy().astype(np.int64)
        _check_lengths(lengths, field)
        ends = np.cumsum(lengths)
        try:
            flat = self._filled(values.flatten(), field)
        except BadValueError as error:
            row = int(np.searchsorted(ends, error.row, side="right"))
            raise BadValueError(row, field.name, error.found, error.wanted) from None
        if field.length is None:
            offsets = np.append(0, ends).astype(np.int32)
            yield field.name, pa.ListArray.from_arrays(offsets, flat)
        else:
            if len(flat) < len(lengths) * field.length:
                flat = _filled_up(flat, lengths, field)
            yield field.name, pa.FixedSizeListArray.from_arrays(flat, field.length)
        if field.indicator and filled:
            yield field.indicator_name, (lengths == 0).astype(np.int64)

    def _filled(self, values: pa.Array, field: Field) -> pa.Array:
        """The values of lists; what is missing among them is the default."""
        known = self._known(values, field, True)
        if known.null_count:
            self._check_empty(pc.is_null(known), values, field)
            known = pc.fill_null(known, pa.scalar(field.empty_value, known.type))
        return known


def _combined(column: pa.ChunkedArray) -> pa.Array:
    values = column.unify_dictionaries().combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # none, or too many bytes of text for one array
        large = [chunk.cast(pa.large_string()) for chunk in values.chunks]
        values = pa.concat_arrays(large) if large else pa.array([], values.type)
    return values


def _as_numbers(is_so: Any) -> np.ndarray:
    """bool -> int64 [rows]"""
    return np.asarray(is_so).astype(np.int64)


def _converted(values: Any, field: Field) -> Any:
    try:
        return _cast(values, field)
    except pa.ArrowInvalid:
        row = bisect.bisect(range(len(values) - 1), False, key=lambda r: _fails(values, field, r))
        wanted = f"expected {expected(field)}; fix it, or the column's type in the schema"
        raise BadValueError(row, field.name, str(values[row]), wanted) from None


def _fails(values: Any, field: Field, row: int) -> bool:
    """Whether one of the first rows, up to this one, can't be converted."""
    try:
        _cast(values.slice(0, row + 1), field)
    except pa.ArrowInvalid:
        return True
    return False


def _cast(values: Any, field: Field) -> Any:
    wanted = arrow_type(field)
    if values.type == wanted and field.type != "BOOLEAN":
        return values
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_null(values.type):
        return values.cast(wanted)
    if pa.types.is_timestamp(values.type):  # as text it would have all digits of its unit
        text = values.cast(pa.string())
        return pc.replace_substring_regex(text, r"\.0+(Z?)$", r"\1")
    if field.is_string:
        return values.cast(wanted)
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64()) if not field.is_integer else values
    if not field.is_integer:
        return values.cast(pa.float32(), safe=False)  # rounded, as text is
    if pa.types.is_floating(values.type):
        values = _without_nan(values)
    whole = values.cast(pa.int64())  # fails where a fraction would be lost
    is_flag = field.type == "BOOLEAN" and not pa.types.is_boolean(values.type)
    if is_flag and not pc.all(pc.is_in(whole, pa.array([0, 1, None])), min_count=0).as_py():
        raise pa.ArrowInvalid("neither 0 nor 1")
    return whole


def _finite(values: Any, column: Any, field: Field) -> Any:
    """Numbers as they are, NaN as null; infinity is an error."""
    if pc.all(pc.is_finite(values), min_count=0).as_py():
        return values
    values = _without_nan(values)
    finite = pc.fill_null(pc.is_finite(values), True)
    if not pc.all(finite).as_py():
        row = int(np.argmin(np.asarray(finite)))
        wanted = "expected a finite number (float32); fix it"
        raise BadValueError(row, field.name, str(column[row]), wanted)
    return values


def _without_nan(values: Any) -> Any:
    is_nan = pc.is_nan(values)
    if not pc.any(is_nan, min_count=0).as_py():
        return values
    return pc.if_else(is_nan, pa.scalar(None, values.type), values)


def without(values: Any, nulls: Collection[str]) -> Any:
    """Strings, null where they are spellings of nothing."""
    spelled: list[Any] = [null.encode() for null in nulls]
    is_null = pc.is_in(values, pa.array(spelled, pa.binary()).cast(values.type))
    if not pc.any(is_null, min_count=0).as_py():
        return values
    return pc.if_else(is_null, pa.scalar(None, values.type), values)


def _check_lengths(lengths: np.ndarray, field: Field) -> None:
    if field.length is None:
        return
    wrong, at_most = lengths > field.length, "at most "
    if field.mode != "REPEATED":
        wrong, at_most = lengths != field.length, ""
        if field.mode == "NULLABLE":
            wrong &= lengths > 0
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadValueError(
            row,
            field.name,
            f"a list of {lengths[row]}",
            f"expected {at_most}{field.length} values; fix it, or the field's length in the schema",
        )


def _filled_up(flat: pa.Array, lengths: np.ndarray, field: Field) -> pa.Array:
    """Values of lists -> of lists that all have the field's length."""
    places = np.arange(field.length or 0)
    inside = (places < lengths[:, np.newaxis]).ravel()
    index = np.zeros(len(inside), np.int64)
    index[inside] = np.arange(len(flat))
    taken = flat.take(pa.array(index, mask=~inside))
    return pc.fill_null(taken, pa.scalar(field.empty_value, taken.type))
