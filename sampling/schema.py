"""What the columns of the files are: `Field` and `Schema`, ordered and immutable.

    schema = Schema.from_dict({"age": int, "city": str, "label": int}, label="label")
    schema = Schema.from_json("schema.json", label="label", features_to_forward=["customer_id"])

A schema carries BigQuery's type names, because that is where such files come from, and knows what
each of them is in numpy and TensorFlow: whole numbers and booleans are int64 (a boolean 0 or 1),
other numbers float32, everything else a string.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sampling import bigquery, checks, files

if TYPE_CHECKING:  # pandas takes its time and 40 MB, and only one method needs it
    import pandas as pd

WEIGHT_FEATURE = "weight"  # the key under which an Estimator finds a row's weight
FORWARDED_SUFFIX = "_"  # a forwarded feature "id" comes again as "id_"

_STRINGS = ("STRING", "BYTES", "DATE", "DATETIME", "TIME", "TIMESTAMP")
_FLOATS = ("FLOAT", "NUMERIC", "BIGNUMERIC")
_INTEGERS = ("INTEGER", "BOOLEAN")
_TYPES = _STRINGS + _FLOATS + _INTEGERS
_SYNONYMS = {"INT64": "INTEGER", "INT": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
_MODES = ("NULLABLE", "REQUIRED", "REPEATED")
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

    Args:
        name: the column's name in the header.
        type: a BigQuery type name (STRING, INTEGER or INT64, FLOAT or FLOAT64, NUMERIC, BOOLEAN;
            DATE, DATETIME, TIME and TIMESTAMP are read as strings), or a numpy, Python or
            TensorFlow type.
        mode: NULLABLE (an empty field is the default), REQUIRED (an empty field is an error) or
            REPEATED (a list of any length, in Parquet, TFRecord and tables; empty ones are lists of
            nothing).
        default: what an empty field is read as: 0 for numbers and "" for strings unless given.
            A label or a weight is never made up: it has a default only if one is given here.
        length: of lists, in Parquet, TFRecord and tables: a row is a vector of so many values, in a
            batch [batch, length]. If REPEATED, of so many at most, filled up with 0 or "". REPEATED
            without a length is padded so to the longest of each batch, [batch, longest].

    Raises:
        ValueError: unknown type, mode, length or a default that is not of the type.
    """

    name: str
    type: Any
    mode: str = "NULLABLE"
    default: Any = None
    length: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ValueError(f"a field has the name {self.name!r}, expected a text; name it")
        object.__setattr__(self, "type", _type_name(self.type, self.name))
        mode = str(self.mode or "NULLABLE").upper()
        if mode not in _MODES:
            raise ValueError(
                f"field {self.name!r} has the mode {self.mode!r}, "
                f"expected {', '.join(_MODES)}; mend it"
            )
        object.__setattr__(self, "mode", mode)
        if self.length is not None:
            checks.whole_number(f"field {self.name!r}: length", self.length, 1)
        if mode == "REPEATED" and self.default is not None:
            raise ValueError(
                f"field {self.name!r} is REPEATED and has the default {self.default!r}, expected "
                "none, since an empty list is a list of nothing; leave it out"
            )
        if self.default is not None:
            object.__setattr__(self, "default", self._checked_default())

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
        if self.type == "BOOLEAN" and default in (0, 1):
            return int(default)
        is_number = isinstance(default, (int, float)) and not isinstance(default, bool)
        if self.type == "INTEGER" and isinstance(default, int) and -(2**63) <= default < 2**63:
            return int(default)
        if self.type in _FLOATS and is_number and abs(default) <= _FLOAT32_MAX:
            return float(default)
        raise ValueError(
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
        return entry


@dataclasses.dataclass(frozen=True)
class Schema:
    """The columns of a set of files, in order.

    Args:
        fields: the columns, in the order of files without a header.
        label: name of the column to be learned.
        weight: name of a column that holds each row's own weight (finite, not negative), if any.
        features_to_forward: names of features that come along to the predictions; an Estimator's
            input has each a second time with an underscore after the name ("id" as "id_").

    Raises:
        ValueError: duplicate names, a label, weight or forwarded feature that is no column, or a
            feature that would clash with the feature "weight" or with a forwarded name.
    """

    fields: tuple[Field, ...]
    label: str | None = None
    weight: str | None = None
    features_to_forward: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(self.fields))
        object.__setattr__(self, "features_to_forward", _names(self.features_to_forward))
        self._check_fields()
        self._check_roles()
        self._check_clashes()

    @classmethod
    def from_dict(
        cls,
        types: Mapping[str, Any],
        label: str | None = None,
        weight: str | None = None,
        features_to_forward: Iterable[str] = (),
    ) -> Schema:
        """`{"age": int, "city": "STRING"}` -> a schema of NULLABLE columns in that order."""
        if not isinstance(types, Mapping):
            raise ValueError(f"expected a dict of name: type, found {type(types).__name__}")
        fields = tuple(Field(name, type_) for name, type_ in types.items())
        return cls(fields, label, weight, _names(features_to_forward))

    @classmethod
    def from_json(
        cls,
        text_or_path: Any,
        label: str | None = None,
        weight: str | None = None,
        features_to_forward: Iterable[str] = (),
    ) -> Schema:
        """Reads what `bq show --schema --format=prettyjson` prints: a text, or the path of a file.

        A text begins with "[" or "{"; anything else is a path, local or of a bucket.
        """
        text, origin = str(text_or_path), "schema JSON"
        if not text.lstrip().startswith(("[", "{")):
            text, origin = files.read_text(text), text
        fields = tuple(_field_from_json(entry, origin) for entry in _json_entries(text, origin))
        return cls(fields, label, weight, _names(features_to_forward))

    @classmethod
    def from_gcs(
        cls,
        uri: str,
        label: str | None = None,
        weight: str | None = None,
        features_to_forward: Iterable[str] = (),
    ) -> Schema:
        """`from_json` of an object of Google Cloud Storage, "gs://bucket/schema.json".

        Raises:
            ValueError: it is no such URI, or can't be read.
        """
        if not str(uri).startswith("gs://"):
            raise ValueError(f"found {uri!r}, expected gs://bucket/path; mend it")
        return cls.from_json(uri, label, weight, features_to_forward)

    @classmethod
    def from_bigquery(
        cls,
        table: str,
        label: str | None = None,
        weight: str | None = None,
        features_to_forward: Iterable[str] = (),
        client: Any = None,
    ) -> Schema:
        """The columns of a table of BigQuery, "project.dataset.table", as it exports them.

        Args:
            client: a google.cloud.bigquery.Client; None: one with the credentials at hand.

        Raises:
            ImportError: google-cloud-bigquery is not installed.
            ValueError: the table can't be found or read.
        """
        entries = bigquery.table_fields(table, client)
        fields = tuple(_field_from_json(entry, table) for entry in entries)
        return cls(fields, label, weight, _names(features_to_forward))

    @classmethod
    def from_pandas(
        cls,
        frame: pd.DataFrame,
        label: str | None = None,
        weight: str | None = None,
        features_to_forward: Iterable[str] = (),
    ) -> Schema:
        """The columns of a DataFrame, all NULLABLE; dates are strings, as `to_csv` writes them."""
        if not hasattr(frame, "dtypes"):
            raise ValueError(f"expected a DataFrame, found {type(frame).__name__}; pass one")
        fields = tuple(Field(str(name), _pandas_type(column)) for name, column in frame.items())
        return cls(fields, label, weight, _names(features_to_forward))

    def to_json(self) -> str:
        """BigQuery's schema JSON; `Schema.from_json(schema.to_json(), ...)` gives it back."""
        return json.dumps([field.to_dict() for field in self.fields], indent=2)

    @property
    def names(self) -> tuple[str, ...]:
        """All column names, in order."""
        return tuple(field.name for field in self.fields)

    @property
    def features(self) -> tuple[Field, ...]:
        """All columns but label and weight, in order: what a model may look at."""
        return tuple(field for field in self.fields if field.name not in (self.label, self.weight))

    @property
    def label_field(self) -> Field | None:
        return None if self.label is None else self[self.label]

    @property
    def weight_field(self) -> Field | None:
        return None if self.weight is None else self[self.weight]

    def allows_empty(self, field: Field) -> bool:
        """Whether an empty field is its default; for label and weight only if one was given."""
        if field.mode == "REQUIRED":
            return False
        return field.default is not None or field.name not in (self.label, self.weight)

    def __getitem__(self, name: str) -> Field:
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{name!r}; the columns are {', '.join(self.names)}")

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def _check_fields(self) -> None:
        for field in self.fields:
            if not isinstance(field, Field):
                raise ValueError(f"expected a Field, found {field!r}; write Field(name, type)")
        if not self.fields:
            raise ValueError("the schema has no fields; give at least one")
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise ValueError(f"duplicate field {', '.join(map(repr, twice))}; name each once")

    def _check_roles(self) -> None:
        columns = ", ".join(self.names)
        for role in ("label", "weight"):
            name = getattr(self, role)
            if name is not None and name not in self.names:
                raise ValueError(f"the {role} {name!r} is not among the columns: {columns}")
        if self.label is not None and self.label == self.weight:
            raise ValueError(f"{self.label!r} is both label and weight; name two columns")
        if self.weight is not None and self[self.weight].is_string:
            raise ValueError(
                f"the weight {self.weight!r} is of type {self[self.weight].type}, "
                "expected a number; mend its type"
            )
        for role in ("label", "weight"):
            if getattr(self, role) is not None and self[getattr(self, role)].is_list:
                raise ValueError(
                    f"the {role} {getattr(self, role)!r} is a list, expected one value in each "
                    "row; name another column"
                )
        features = [field.name for field in self.features]
        for name in self.features_to_forward:
            if name not in features:
                raise ValueError(
                    f"{name!r} can't be forwarded: it is not among the features "
                    f"({', '.join(features)})"
                )

    def _check_clashes(self) -> None:
        features = {field.name for field in self.features}
        if WEIGHT_FEATURE in features or self.label == WEIGHT_FEATURE:
            role = "label" if self.label == WEIGHT_FEATURE else "feature"
            raise ValueError(
                f"the {role} {WEIGHT_FEATURE!r} would clash with the row weights that every batch "
                f"carries; rename the column, or name it as the weight: weight={WEIGHT_FEATURE!r}"
            )
        for name in self.features_to_forward:
            forwarded = name + FORWARDED_SUFFIX
            if forwarded in features or forwarded == WEIGHT_FEATURE:
                raise ValueError(
                    f"{name!r} is forwarded as {forwarded!r}, which is a feature's name already; "
                    "rename one of the two"
                )


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
    remedy = "give each of its fields a column" if is_record else "mend the type"
    raise ValueError(
        f"field {name!r} has the type {type_!r}, expected one of {', '.join(_TYPES)} "
        f"or a numpy, Python or TensorFlow type; {remedy}"
    )


def _means_string(type_: Any) -> bool:
    """numpy takes any class for `object`; only these say that a column is text."""
    return type_ in (object, "object", "O") or isinstance(type_, np.dtype) or _is_tf_string(type_)


def _is_tf_string(type_: Any) -> bool:
    return getattr(type_, "name", None) == "string" and hasattr(type_, "as_numpy_dtype")


def _pandas_type(column: pd.Series) -> str:
    import pandas as pd

    values = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    kind = pd.api.types.infer_dtype(values, skipna=True)
    kinds = {
        "integer": "INTEGER",
        "integer-na": "INTEGER",
        "mixed-integer-float": "FLOAT",
        "floating": "FLOAT",
        "decimal": "NUMERIC",
        "boolean": "BOOLEAN",
        "string": "STRING",
        "empty": "STRING",
        "datetime64": "TIMESTAMP",
        "datetime": "TIMESTAMP",
        "date": "DATE",
        "time": "TIME",
    }
    if kind not in kinds:
        raise ValueError(
            f"column {column.name!r} of the DataFrame holds {kind} values, expected numbers, "
            "booleans, strings or dates of one kind; convert it"
        )
    return kinds[kind]


def _json_entries(text: str, origin: str) -> list[Any]:
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{origin}, line {error.lineno}, column {error.colno}: {error.msg}; "
            "expected the JSON that bq show --schema --format=prettyjson prints"
        ) from None
    for key in ("schema", "fields"):  # bq show without --schema wraps the list
        if isinstance(entries, dict):
            entries = entries.get(key, entries)
    if not isinstance(entries, list):
        raise ValueError(f'{origin}: expected a list of {{"name": ..., "type": ...}}')
    return entries


def _field_from_json(entry: Any, origin: str) -> Field:
    if not isinstance(entry, dict) or not entry.get("name"):
        raise ValueError(f'{origin}: the entry {json.dumps(entry)} has no "name"; name the field')
    if "type" not in entry:
        raise ValueError(f'{origin}: field {entry["name"]!r} has no "type"; add it')
    try:
        default = _literal(entry.get("defaultValueExpression"))
        mode, length = entry.get("mode") or "NULLABLE", entry.get("length")
        return Field(entry["name"], entry["type"], mode, default, length)
    except ValueError as error:
        raise ValueError(f"{origin}: {error}") from None


def _literal(expression: Any) -> Any:
    """A SQL literal -> its value."""
    if not isinstance(expression, str):
        return expression
    if len(expression) > 1 and expression[0] == expression[-1] == "'":
        return expression[1:-1]
    is_word = expression.upper() in ("TRUE", "FALSE", "NULL")
    try:
        return json.loads(expression.lower() if is_word else expression)
    except json.JSONDecodeError:
        raise ValueError(
            f"found the default {expression!r}, expected a literal; "
            "write a number, a quoted text, or none"
        ) from None


def _names(names: Iterable[str] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())
