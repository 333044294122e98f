"""Which types of columns can have a field's values, and what a field is in tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from sampling.errors import SamplingError
from sampling.schema import Field, Schema

_EXPECTED = {
    "INTEGER": "a whole number of 64 bits (INTEGER)",
    "BOOLEAN": "true or false, yes or no, 1 or 0 (BOOLEAN)",
    "BYTES": "bytes or text (BYTES)",
}
_SHOWN = 60  # characters of a name
_TIMES = ("DATE", "DATETIME", "TIME", "TIMESTAMP")


def arrow_type(field: Field) -> pa.DataType:
    """What a field is in the tables that the engine reads."""
    if field.is_string:
        return pa.binary() if field.type == "BYTES" else pa.string()
    return pa.int64() if field.is_integer else pa.float32()


def expected(field: Field) -> str:
    """What the values of a column should be, for errors."""
    if field.is_string:
        return _EXPECTED.get(field.type, f"text in UTF-8 ({field.type}; BYTES takes any)")
    return _EXPECTED.get(field.type, f"a number ({field.type})")


def can_be_coded(field: Field, schema: Schema) -> bool:
    """Whether a column may be codes of distinct strings."""
    is_text = field.is_string and field.type != "BYTES" and not field.is_list
    return is_text and field.name != schema.label


def fits(type_: pa.DataType, field: Field, schema: Schema) -> bool:
    """Whether a column of that type may have values of the field's."""
    if pa.types.is_null(type_):
        return True
    if field.is_list:
        return _is_list(type_) and fits_value(type_.value_type, field)
    if field.name == schema.label and schema.classes:
        return not pa.types.is_nested(type_) or pa.types.is_dictionary(type_)
    return fits_value(type_, field)


def fits_value(type_: pa.DataType, field: Field) -> bool:
    """Whether values of that type may be the field's, or those of its lists."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    is_whole = pa.types.is_integer(type_)
    is_number = is_whole or pa.types.is_floating(type_)
    if pa.types.is_null(type_):
        return True
    if field.type == "BYTES":
        return _is_text(type_) or _is_bytes(type_)
    if field.is_string:
        is_text = _is_text(type_) or _is_bytes(type_) or is_whole or pa.types.is_decimal(type_)
        return is_text or (pa.types.is_temporal(type_) and field.type in _TIMES)
    if field.type == "BOOLEAN":
        return pa.types.is_boolean(type_) or is_number
    return is_number or pa.types.is_boolean(type_) or pa.types.is_decimal(type_)


def check_types(found: pa.Schema, schema: Schema, what: str) -> None:
    """Raises SamplingError if a column is of another kind than the schema's field, or there twice.

    Args:
        what: that has the columns, for the error: "path" or the like.
    """
    times = Counter(found.names)
    if twice := [name for name in schema.names if times[name] > 1]:
        raise SamplingError(f"{what}: {names_shown(twice)} is there twice; rename one")
    for field in schema:
        if times[field.name] and not fits(found.field(field.name).type, field, schema):
            raise SamplingError(
                f"{what}, column {field.name!r}: found the type {found.field(field.name).type}, "
                f"expected {_lists_of(field)}{expected(field)}; fix the column, or its type in "
                "the schema"
            )


def names_shown(names: Sequence[str]) -> str:
    """`column 'a'`, `columns 'a', 'b' and 3 more`"""
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    shown = [repr(name[:_SHOWN]) + "..." * (len(name) > _SHOWN) for name in names[:20]]
    return f"the column{'s' * (len(names) > 1)} {', '.join(shown)}{more}"


def _is_text(type_: pa.DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_large_string(type_)


def _is_bytes(type_: pa.DataType) -> bool:
    return pa.types.is_binary(type_) or pa.types.is_large_binary(type_)


def _is_list(type_: pa.DataType) -> bool:
    is_fixed = pa.types.is_fixed_size_list(type_)
    return is_fixed or pa.types.is_list(type_) or pa.types.is_large_list(type_)


def _lists_of(field: Field) -> str:
    return "lists, each value " if field.is_list else ""
