"""Tables as a format has them -> tables of a schema's columns and types.

A value is converted where it stays what it is (4.0 for an INTEGER, 4 for a FLOAT, a date for a
DATE) and refused where it does not.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling.errors import SamplingError
from sampling.schema import Field, Schema

_EXPECTED = {
    "INTEGER": "a whole number of 64 bits (INTEGER)",
    "BOOLEAN": "true, false, 1 or 0 (BOOLEAN)",
    "BYTES": "bytes or text (BYTES)",
}
_CODED = pa.dictionary(pa.int32(), pa.string())
_TIMES = ("DATE", "DATETIME", "TIME", "TIMESTAMP")


class BadValueError(ValueError):
    """A value that the schema does not allow; `row` is where in the table it is, from 0."""

    def __init__(self, row: int, column: str, problem: str):
        super().__init__(f"row {row}, column {column!r}: {problem}")
        self.row, self.column, self.problem = row, column, problem


def expected(field: Field) -> str:
    """What the values of a column should be, for errors."""
    if field.is_string:
        return _EXPECTED.get(field.type, f"text in UTF-8 ({field.type}; BYTES takes any)")
    return _EXPECTED.get(field.type, f"a number ({field.type})")


def fits(type_: pa.DataType, field: Field) -> bool:
    """Whether a column of that type may have values of the field's."""
    if pa.types.is_null(type_):
        return True
    if field.is_list:
        return _is_list(type_) and fits_value(type_.value_type, field)
    return fits_value(type_, field)


def fits_value(type_: pa.DataType, field: Field) -> bool:
    """Whether values of that type may be the field's, or those of its lists."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_null(type_):
        return True
    if field.is_string:
        is_text = pa.types.is_string(type_) or pa.types.is_large_string(type_)
        is_bytes = pa.types.is_binary(type_) or pa.types.is_large_binary(type_)
        return is_text or is_bytes or (pa.types.is_temporal(type_) and field.type in _TIMES)
    if field.type == "BOOLEAN":
        return pa.types.is_boolean(type_) or pa.types.is_integer(type_)
    is_number = pa.types.is_integer(type_) or pa.types.is_floating(type_)
    return is_number or pa.types.is_boolean(type_) or pa.types.is_decimal(type_)


def _is_list(type_: pa.DataType) -> bool:
    return pa.types.is_list(type_) or pa.types.is_large_list(type_) or _is_fixed(type_)


def _is_fixed(type_: pa.DataType) -> bool:
    return pa.types.is_fixed_size_list(type_)


def check_types(types: pa.Schema, schema: Schema, what: str) -> None:
    """Raises SamplingError if a column is of another kind than the schema's field.

    Args:
        what: that has the columns, for the error: "path" or the like.
    """
    for field in schema:
        if field.name in types.names and not fits(types.field(field.name).type, field):
            raise SamplingError(
                f"{what}, column {field.name!r}: found the type {types.field(field.name).type}, "
                f"expected {_lists_of(field)}{expected(field)}; fix the column, or its type in "
                "the schema"
            )


def _lists_of(field: Field) -> str:
    return "lists, each value " if field.is_list else ""


def conform(table: pa.Table, schema: Schema, coded: bool = False) -> pa.Table:
    """A table -> the schema's columns that it has, in the schema's order and types.

    Whole numbers and booleans are int64, other numbers float32, the rest strings; empty values are
    the fields' defaults.

    Args:
        coded: whether strings of features are to be codes of distinct strings (dictionaries).

    Raises:
        BadValueError: a value is not what its field allows.
    """
    fields = [field for field in schema if field.name in table.column_names]
    columns = [_conformed(table.column(field.name), field, schema, coded) for field in fields]
    return pa.table(columns, [field.name for field in fields])


def can_be_coded(field: Field, schema: Schema) -> bool:
    is_text = field.is_string and field.type != "BYTES" and not field.is_list
    return is_text and field.name != schema.label


def _conformed(
    column: pa.ChunkedArray, field: Field, schema: Schema, coded: bool = False
) -> pa.Array:
    values = column.unify_dictionaries().combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # none, or too many bytes of text for one array
        large = [chunk.cast(pa.large_string()) for chunk in values.chunks]
        values = pa.concat_arrays(large) if large else pa.array([], values.type)
    if field.is_list:
        return _lists(values, field, schema)
    if not coded or not can_be_coded(field, schema):
        return _values(values, field, schema)
    if values.type == _CODED and not values.null_count:
        return values
    return _values(values, field, schema).dictionary_encode()


def _values(values: pa.Array, field: Field, schema: Schema) -> pa.Array:
    converted = _converted(values, field)
    if converted.null_count:
        if not schema.allows_empty(field):
            row = int(np.argmax(pc.is_null(converted).to_numpy(zero_copy_only=False)))
            raise BadValueError(row, field.name, f"found no value, {_fill_in(field, schema)}")
        converted = pc.fill_null(converted, pa.scalar(field.empty_value, converted.type))
    if pa.types.is_floating(converted.type):
        finite = np.isfinite(converted.to_numpy(zero_copy_only=False))
        if not finite.all():
            row = int(np.argmin(finite))
            problem = f"found {values[row]}, expected a finite number (float32); fix it"
            raise BadValueError(row, field.name, problem)
    return converted


def _lists(values: pa.Array, field: Field, schema: Schema) -> pa.Array:
    """Lists as they are, or of one length; an empty one is a list of nothing, or of defaults."""
    if pa.types.is_null(values.type):
        values = values.cast(pa.list_(arrow_type(field)))
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy().astype(np.int64)
    _check_lengths(lengths, field)
    ends = np.cumsum(lengths)
    try:
        flat = _values(values.flatten(), field, schema)
    except BadValueError as error:
        row = int(np.searchsorted(ends, error.row, side="right"))
        raise BadValueError(row, field.name, error.problem) from None
    if field.length is None:
        return pa.ListArray.from_arrays(np.append(0, ends).astype(np.int32), flat)
    if len(flat) < len(lengths) * field.length:
        flat = _filled_up(flat, lengths, field)
    return pa.FixedSizeListArray.from_arrays(flat, field.length)


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
            f"found a list of {lengths[row]}, expected {at_most}{field.length} values; fix it, or "
            "the field's length in the schema",
        )


def _filled_up(flat: pa.Array, lengths: np.ndarray, field: Field) -> pa.Array:
    """Values of lists -> of lists that all have the field's length."""
    places = np.arange(field.length or 0)
    inside = (places < lengths[:, np.newaxis]).ravel()
    index = np.zeros(len(inside), np.int64)
    index[inside] = np.arange(len(flat))
    taken = flat.take(pa.array(index, mask=~inside))
    return pc.fill_null(taken, pa.scalar(field.empty_value, taken.type))


def _converted(values: pa.Array, field: Field) -> pa.Array:
    try:
        return _cast(values, field)
    except pa.ArrowInvalid:
        row = bisect.bisect(range(len(values) - 1), False, key=lambda r: _fails(values, field, r))
        raise BadValueError(
            row,
            field.name,
            f"found {values[row]}, expected {expected(field)}; fix it, or the column's type in "
            "the schema",
        ) from None


def _fails(values: pa.Array, field: Field, row: int) -> bool:
    """Whether one of the first rows, up to this one, can't be converted."""
    try:
        _cast(values.slice(0, row + 1), field)
    except pa.ArrowInvalid:
        return True
    return False


def _cast(values: pa.Array, field: Field) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), arrow_type(field))
    if pa.types.is_timestamp(values.type):  # as text it would have all digits of its unit
        text = values.cast(pa.string())
        return pc.replace_substring_regex(text, r"\.0+(Z?)$", r"\1")
    if field.is_string:
        return values.cast(arrow_type(field))
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    if field.is_integer:
        whole = values.cast(pa.int64())  # fails where a fraction would be lost
        if field.type == "BOOLEAN" and not pc.all(pc.is_in(whole, pa.array([0, 1, None]))).as_py():
            raise pa.ArrowInvalid("neither 0 nor 1")
        return whole
    return values.cast(pa.float32(), safe=False)  # rounded, as text is


def arrow_type(field: Field) -> pa.DataType:
    """What a field is in the tables that the engine reads."""
    if field.is_string:
        return pa.binary() if field.type == "BYTES" else pa.string()
    return pa.int64() if field.is_integer else pa.float32()


def _fill_in(field: Field, schema: Schema) -> str:
    if field.mode == "REQUIRED":
        return "expected one; fill it in, or make the REQUIRED column NULLABLE"
    role = "label" if field.name == schema.label else "weight"
    return f"expected one; fill it in, or give the field a default, since no {role} is made up"


def names_shown(names: Sequence[str]) -> str:
    """`column 'a'`, `columns 'a', 'b' and 3 more`"""
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"the column{'s' * (len(names) > 1)} {', '.join(map(repr, names[:20]))}{more}"
