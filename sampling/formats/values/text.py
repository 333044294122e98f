"""Texts -> what their fields are: for what a CSV parser alone does not take, and for paths."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sampling.formats.values import types
from sampling.formats.values.conversion import BadValueError
from sampling.formats.values.types import arrow_type
from sampling.schema import Field, Schema

TRUE = ("true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y", "1", "1.0")
FALSE = ("false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N", "0", "0.0")
NAN = r"(?i)-?nan"


def whole_numbers(texts: Any, decimal: str = ".") -> Any:
    """`17`, ` 17 `, `17.0` -> int64; NaN is null.

    Raises:
        pyarrow.ArrowInvalid: one is no whole number.
    """
    trimmed = pc.utf8_trim(texts, " \t")
    is_nan = pc.match_substring_regex(trimmed, rf"^{NAN}$")
    trimmed = pc.if_else(is_nan, pa.scalar(None, pa.string()), trimmed)
    point = "\\" + decimal
    return pc.replace_substring_regex(trimmed, rf"^(-?\d+){point}0*$", r"\1").cast(pa.int64())


def booleans(texts: Any) -> Any:
    """`yes`, ` F `, `1` -> bool; null stays null.

    Raises:
        pyarrow.ArrowInvalid: one is neither true nor false.
    """
    trimmed = pc.utf8_trim(texts, " \t")
    is_true, is_false = (pc.is_in(trimmed, pa.array(words)) for words in (TRUE, FALSE))
    known = pc.or_(pc.or_(is_true, is_false), pc.is_null(texts))
    if not pc.all(known, min_count=0).as_py():
        raise pa.ArrowInvalid("neither true nor false")
    return pc.if_else(pc.is_null(texts), pa.scalar(None, pa.bool_()), is_true)


def is_plain(texts: Any, field: Field) -> bool:
    """Whether a CSV parser takes texts for whole numbers or booleans as they are."""
    if field.type == "BOOLEAN":
        is_word = pc.or_(pc.is_in(texts, pa.array(TRUE + FALSE)), pc.is_null(texts))
        return bool(pc.all(is_word, min_count=0).as_py())
    try:
        texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return False
    return True


def typed(texts: pa.Array, field: Field, schema: Schema) -> pa.Array:
    """Texts -> values of the field's type; null stays null.

    Raises:
        BadValueError: one is no such value.
    """
    if field.is_string or (field.name == schema.label and schema.classes):
        return texts
    try:
        return _typed(texts, field)
    except pa.ArrowInvalid:
        for row in range(len(texts)):
            try:
                _typed(texts.slice(row, 1), field)
            except pa.ArrowInvalid:
                wanted = f"expected {types.expected(field)}; fix it, or the type in the schema"
                raise BadValueError(row, field.name, repr(texts[row].as_py()), wanted) from None
        raise


def _typed(texts: pa.Array, field: Field) -> pa.Array:
    if field.type == "BOOLEAN":
        return booleans(texts).cast(pa.int64())
    return whole_numbers(texts) if field.is_integer else texts.cast(arrow_type(field))
