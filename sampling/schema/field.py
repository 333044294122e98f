"""`Field`: one column, by any of the names that types have.

A field carries BigQuery's type names, because that is where such files come from. It knows what
they are in numpy and TensorFlow: whole numbers and booleans are int64 (a boolean 0 or 1), other
numbers float32, everything else a string.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np

from sampling import checks
from sampling.errors import SamplingError
from sampling.schema import kinds

_STRINGS = ("STRING", "BYTES", "DATE", "DATETIME", "TIME", "TIMESTAMP")
_FLOATS = ("FLOAT", "NUMERIC", "BIGNUMERIC")
_INTEGERS = ("INTEGER", "BOOLEAN")
_TYPES = _STRINGS + _FLOATS + _INTEGERS
_SYNONYMS = {"INT64": "INTEGER", "INT": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
_MODES = ("NULLABLE", "REQUIRED", "REPEATED")
_INDICATOR_SUFFIX = "_missing"
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_NUMPY_KINDS = {
    "i": "INTEGER",
    "u": "INTEGER",
    "f": "FLOAT",
    "b": "BOOLEAN",
    "U": "STRING",
    "S": "STRING",
    "O": "STRING",
    "M": "TIMESTAMP",
}


@dataclasses.dataclass(frozen=True)
class Field:
    """One column.

        Field("age", int, "REQUIRED")
        Field("city", "STRING", default="unknown")
        Field("income", float, default=math.nan, indicator=True)
        Field("embedding", float, length=128)

    Args:
        name: the column's name in the header.
        type: a BigQuery type name (STRING, INTEGER or INT64, FLOAT or FLOAT64, NUMERIC, BOOLEAN;
            DATE, DATETIME, TIME and TIMESTAMP are read as strings), or a numpy, Python or
            TensorFlow type.
        mode: NULLABLE (a missing value is the default), REQUIRED (a missing value is an error) or
            REPEATED (a list of any length, in Parquet, TFRecord and tables; empty ones are lists of
            nothing). Missing is what is blank, null, NaN, or among null_values, in every format.
        default: what a missing value is in batches: 0 for numbers and "" for strings unless given;
            NaN is one for numbers that are no whole ones, -1 one for booleans. A label or a weight
            is never made up: it has a default only if one is given here.
        length: of lists, in Parquet, TFRecord and tables: a row is a vector of so many values, in a
            batch [batch, length]. If REPEATED, of so many at most, filled up with 0 or "". REPEATED
            without a length is padded so to the longest of each batch, [batch, longest].
        kind: what the column is to a model. "id": carried to the predictions, never learned;
            "number", "category" or "date". None: that of its type; text is a category, a boolean a
            number.
        indicator: whether batches have another feature, "income_missing", int64 [batch]: 1 where
            the value is missing, 0 elsewhere.
        alias: what the column is called in files that have none of its name. Models, exports and
            files that are written know the name alone.

    Raises:
        SamplingError: unknown type, mode, length or kind, or a default that is not of the type.
    """

    name: str
    type: Any
    mode: str = "NULLABLE"
    default: Any = None
    length: int | None = None
    kind: str | None = None
    indicator: bool = False
    alias: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise SamplingError(f"a field has the name {self.name!r}, expected a text; name it")
        if self.alias is not None and not isinstance(self.alias, str):
            raise SamplingError(
                f"field {self.name!r} has the alias {self.alias!r}, expected a text; fix it"
            )
        object.__setattr__(self, "type", _type_name(self.type, self.name))
        mode = str(self.mode or "NULLABLE").upper()
        if mode not in _MODES:
            raise SamplingError(
                f"field {self.name!r} has the mode {self.mode!r}, "
                f"expected {', '.join(_MODES)}; fix it"
            )
        object.__setattr__(self, "mode", mode)
        if self.length is not None:
            checks.whole_number(f"field {self.name!r}: length", self.length, 1)
        if mode == "REPEATED" and self.default is not None:
            raise SamplingError(
                f"field {self.name!r} is REPEATED and has the default {self.default!r}, expected "
                "none, since an empty list is a list of nothing; leave it out"
            )
        if self.default is not None:
            object.__setattr__(self, "default", self._checked_default())
        object.__setattr__(self, "kind", kinds.checked(self.kind, self.type, self.name))

    def __repr__(self) -> str:
        said = [repr(self.name), repr(self.type)]
        values = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self)[2:])
        usual = {"mode": "NULLABLE", "kind": kinds.of_type(self.type), "indicator": False}
        said += [f"{key}={value!r}" for key, value in values if value != usual.get(key)]
        return f"Field({', '.join(said)})"

    @property
    def indicator_name(self) -> str:
        """Of the feature that says where values are missing."""
        return self.name + _INDICATOR_SUFFIX

    @property
    def is_string(self) -> bool:
        return self.type in _STRINGS

    @property
    def is_integer(self) -> bool:
        """Whether the column is whole numbers (BOOLEAN is: 0 or 1)."""
        return self.type in _INTEGERS

    @property
    def is_list(self) -> bool:
        """Whether a row has several values."""
        return self.mode == "REPEATED" or self.length is not None

    @property
    def numpy_dtype(self) -> np.dtype:
        """int64, float32, or object (bytes) for strings: the dtype in a batch.

        Of lists with its width, np.dtype((np.float32, (8,))); width 0 stands for one that varies.
        """
        number = np.int64 if self.is_integer else np.float32
        dtype = np.dtype(object if self.is_string else number)
        return np.dtype((dtype, (self.length or 0,))) if self.is_list else dtype

    @property
    def empty_value(self) -> Any:
        """What an empty field is read as where the mode allows one."""
        if self.default is not None:
            return self.default
        return "" if self.is_string else 0

    def _checked_default(self) -> Any:
        default = self.default
        if isinstance(default, np.generic):
            default = default.item()
        if self.is_string and isinstance(default, str):
            return default
        if self.type == "BOOLEAN" and default in (-1, 0, 1):  # -1: neither, that is missing
            return int(default)
        is_number = isinstance(default, (int, float)) and not isinstance(default, bool)
        if self.type == "INTEGER" and isinstance(default, int) and -(2**63) <= default < 2**63:
            return int(default)
        if self.type in _FLOATS and is_number and math.isnan(default):
            return math.nan  # always the same object, so that fields compare equal
        if self.type in _FLOATS and is_number and abs(default) <= _FLOAT32_MAX:
            return float(default)
        raise SamplingError(
            f"field {self.name!r} is of type {self.type} and has the default {self.default!r}; "
            "give a default of that type"
        )

    def to_dict(self) -> dict[str, Any]:
        """The field as an entry of BigQuery's schema JSON."""
        entry: dict[str, Any] = {"name": self.name, "type": self.type, "mode": self.mode}
        if self.default is not None:
            entry["defaultValueExpression"] = json.dumps(self.default)
        if self.length is not None:
            entry["length"] = self.length
        if self.indicator:
            entry["indicator"] = True
        if self.kind != kinds.of_type(self.type):
            entry["kind"] = self.kind
        if self.alias is not None:
            entry["alias"] = self.alias
        return entry


def _type_name(type_: Any, name: str) -> str:
    """Any way of naming a type -> BigQuery's name for it."""
    if isinstance(type_, str):
        upper = _SYNONYMS.get(type_.upper(), type_.upper())
        if upper in _TYPES:
            return upper
    try:
        numpy_type = getattr(type_, "as_numpy_dtype", type_)  # tf.DType knows its numpy type
        kind = np.dtype(numpy_type).kind if numpy_type is not None else None
    except (TypeError, ValueError, KeyError):  # numpy's and TensorFlow's ways of saying no
        kind = None
    if kind in _NUMPY_KINDS and (kind != "O" or _means_string(type_)):
        return _NUMPY_KINDS[kind]
    is_record = str(type_).upper() in ("RECORD", "STRUCT")
    remedy = "give each of its fields a column" if is_record else "fix the type"
    raise SamplingError(
        f"field {name!r} has the type {type_!r}, expected one of {', '.join(_TYPES)} "
        f"or a numpy, Python or TensorFlow type; {remedy}"
    )


def _means_string(type_: Any) -> bool:
    """numpy takes any class for `object`; only these say that a column is text."""
    return type_ in (object, "object", "O") or isinstance(type_, np.dtype) or _is_tf_string(type_)


def _is_tf_string(type_: Any) -> bool:
    return getattr(type_, "name", None) == "string" and hasattr(type_, "as_numpy_dtype")
