"""`Schema`: the columns of the files, in order, and which of them is label or weight.

schema = Schema.from_dict({"age": int, "city": str, "label": int}, label="label")
schema = Schema.from_json("schema.json", label="label", features_to_forward=["customer_id"])
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sampling import files
from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.schema import bigquery, labels
from sampling.schema.field import Field, field_from_json, field_from_pandas

if TYPE_CHECKING:  # pandas takes its time and 40 MB, and only one method needs it
    import pandas as pd

WEIGHT_FEATURE = "weight"  # the key under which an Estimator finds a row's weight
FORWARDED_SUFFIX = "_"  # a forwarded feature "id" comes again as "id_"


@dataclasses.dataclass(frozen=True)
class Schema:
    """The columns of a set of files, in order.

        Schema((Field("id", int), Field("age", int), Field("bought", int)), label="bought",
               features_to_forward=["id"])
        Schema.from_dict({"id": int, "age": int, "bought": int}, label="bought")

    Args:
        fields: the columns, in the order of files without a header.
        label: name of the column to be learned.
        weight: name of a column that holds each row's own weight (finite, not negative), if any.
        features_to_forward: names of features that come along to the predictions; an Estimator's
            input has each a second time with an underscore after the name ("id" as "id_").
        classes: the values of the label in order, ("no", "yes") or (1, 2), say. Labels in batches
            are then their places, int64 from 0, whatever the column's type. Without any, labels are
            the column's values.

    Raises:
        SamplingError: duplicate names, a label, weight or forwarded feature that is no column, or a
            feature that would clash with the feature "weight", with a forwarded name or with an
            indicator's; classes that can't be told apart.
    """

    fields: tuple[Field, ...]
    label: str | None = None
    weight: str | None = None
    features_to_forward: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(self.fields))
        classes = labels.checked_classes(self.classes or (), self.label)
        object.__setattr__(self, "classes", classes)
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
        classes: Iterable[Any] = (),
    ) -> Schema:
        """`{"age": int, "city": "STRING"}` -> a schema of NULLABLE columns in that order.

        Raises:
            SamplingError: types is no dict, or see `Field` and `Schema`.
        """
        if not isinstance(types, Mapping):
            raise SamplingError(f"expected a dict of name: type, found {type(types).__name__}")
        fields = tuple(Field(name, type_) for name, type_ in types.items())
        return cls(fields, label, weight, _names(features_to_forward), tuple(classes))

    @classmethod
    def from_manifest(cls, folder: str | os.PathLike[str]) -> Schema:
        """The schema of the files in a folder that `split`, `sample` or `write_epoch` wrote.

        Raises:
            SamplingError: the folder has no manifest of ours.
        """
        found = manifest.read(folder)
        roles = found["label"], found["weight"], found["features_to_forward"]
        return cls.from_json(json.dumps(found["schema"]), *roles, classes=found.get("classes", ()))

    @classmethod
    def from_json(
        cls,
        text_or_path: Any,
        label: str | None = None,
        weight: str | None = None,
        features_to_forward: Iterable[str] = (),
        classes: Iterable[Any] = (),
    ) -> Schema:
        """Reads what `bq show --schema --format=prettyjson` prints: a text, or the path of a file.

        A text begins with "[" or "{"; anything else is a path, local or of a bucket.

        Raises:
            SamplingError: the file can't be read, or is no such JSON; or see `Field` and `Schema`.
        """
        text, origin = str(text_or_path), "schema JSON"
        if not text.lstrip().startswith(("[", "{")):
            text, origin = files.read_text(text), text
        fields = tuple(field_from_json(entry, origin) for entry in _json_entries(text, origin))
        return cls(fields, label, weight, _names(features_to_forward), tuple(classes))

    @classmethod
    def from_gcs(
        cls,
        uri: str,
        label: str | None = None,
        weight: str | None = None,
        features_to_forward: Iterable[str] = (),
        classes: Iterable[Any] = (),
    ) -> Schema:
        """`from_json` of an object of Google Cloud Storage, "gs://bucket/schema.json".

        Raises:
            SamplingError: it is no such URI, or can't be read.
        """
        if not str(uri).startswith("gs://"):
            raise SamplingError(f"found {uri!r}, expected gs://bucket/path; fix it")
        return cls.from_json(uri, label, weight, features_to_forward, classes)

    @classmethod
    def from_bigquery(
        cls,
        table: str,
        label: str | None = None,
        weight: str | None = None,
        features_to_forward: Iterable[str] = (),
        client: Any = None,
        classes: Iterable[Any] = (),
    ) -> Schema:
        """The columns of a table of BigQuery, "project.dataset.table", as it exports them.

        Args:
            client: a google.cloud.bigquery.Client; None: one with the credentials at hand.

        Raises:
            ImportError: google-cloud-bigquery is not installed.
            SamplingError: the table can't be found or read.
        """
        entries = bigquery.table_fields(table, client)
        fields = tuple(field_from_json(entry, table) for entry in entries)
        return cls(fields, label, weight, _names(features_to_forward), tuple(classes))

    @classmethod
    def from_pandas(
        cls,
        frame: pd.DataFrame,
        label: str | None = None,
        weight: str | None = None,
        features_to_forward: Iterable[str] = (),
        classes: Iterable[Any] = (),
    ) -> Schema:
        """The columns of a DataFrame, all NULLABLE; dates are strings, as `to_csv` writes them.

        Raises:
            SamplingError: it is no DataFrame, or a column holds values of several kinds.
        """
        if not hasattr(frame, "dtypes"):
            raise SamplingError(f"expected a DataFrame, found {type(frame).__name__}; pass one")
        fields = tuple(field_from_pandas(column) for _, column in frame.items())
        return cls(fields, label, weight, _names(features_to_forward), tuple(classes))

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
    def table_fields(self) -> tuple[Field, ...]:
        """What tables of rows have: all columns as batches have them, and indicators."""
        fields: list[Field] = []
        for field in self.fields:
            is_place = field.name == self.label and bool(self.classes)
            fields.append(self._of_places(field) if is_place else field)
            if field.indicator:
                fields.append(Field(field.indicator_name, "INTEGER", "REQUIRED"))
        return tuple(fields)

    @property
    def batch_features(self) -> tuple[Field, ...]:
        """All features that batches have: those of the files, and indicators."""
        roles = self.label, self.weight
        return tuple(field for field in self.table_fields if field.name not in roles)

    @property
    def label_field(self) -> Field | None:
        """The label as batches have it: with classes it is a whole number."""
        if self.label is None:
            return None
        return self._of_places(self[self.label]) if self.classes else self[self.label]

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

    def to_manifest(self) -> dict[str, Any]:
        """Plain values of which `from_manifest` makes the same schema."""
        return {
            "label": self.label,
            "weight": self.weight,
            "features_to_forward": list(self.features_to_forward),
            "classes": list(self.classes),
            "schema": [field.to_dict() for field in self],
        }

    def _of_places(self, field: Field) -> Field:
        place = None if field.default is None else labels.place(field.default, self.classes)
        return dataclasses.replace(field, type="INTEGER", default=place)

    def _check_fields(self) -> None:
        for field in self.fields:
            if not isinstance(field, Field):
                raise SamplingError(f"expected a Field, found {field!r}; write Field(name, type)")
        if not self.fields:
            raise SamplingError("the schema has no fields; give at least one")
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise SamplingError(f"duplicate field {', '.join(map(repr, twice))}; name each once")

    def _check_roles(self) -> None:
        columns = ", ".join(self.names)
        for role in ("label", "weight"):
            name = getattr(self, role)
            if name is not None and name not in self.names:
                raise SamplingError(f"the {role} {name!r} is not among the columns: {columns}")
        if self.label is not None and self.label == self.weight:
            raise SamplingError(f"{self.label!r} is both label and weight; name two columns")
        if self.weight is not None and self[self.weight].is_string:
            raise SamplingError(
                f"the weight {self.weight!r} is of type {self[self.weight].type}, "
                "expected a number; fix its type"
            )
        for role in ("label", "weight"):
            if getattr(self, role) is not None and self[getattr(self, role)].is_list:
                raise SamplingError(
                    f"the {role} {getattr(self, role)!r} is a list, expected one value in each "
                    "row; name another column"
                )
            if getattr(self, role) is not None and self[getattr(self, role)].indicator:
                raise SamplingError(
                    f"the {role} {getattr(self, role)!r} has an indicator, expected one of a "
                    "feature; leave it out"
                )
        default = self[self.label].default if self.label is not None else None
        if self.classes and default is not None and labels.place(default, self.classes) is None:
            raise SamplingError(
                f"the label {self.label!r} has the default {default!r}, expected one of the "
                f"classes {', '.join(map(repr, self.classes))}; fix it"
            )
        features = [field.name for field in self.features]
        for name in self.features_to_forward:
            if name not in features:
                raise SamplingError(
                    f"{name!r} can't be forwarded: it is not among the features "
                    f"({', '.join(features)})"
                )

    def _check_clashes(self) -> None:
        features = {field.name for field in self.features}
        if WEIGHT_FEATURE in features or self.label == WEIGHT_FEATURE:
            role = "label" if self.label == WEIGHT_FEATURE else "feature"
            raise SamplingError(
                f"the {role} {WEIGHT_FEATURE!r} would clash with the row weights that every batch "
                f"carries; rename the column, or name it as the weight: weight={WEIGHT_FEATURE!r}"
            )
        for field in self.fields:
            if field.indicator and field.indicator_name in self.names:
                raise SamplingError(
                    f"{field.name!r} has an indicator, {field.indicator_name!r}, which is a "
                    "column's name already; rename one of the two"
                )
        features |= {field.indicator_name for field in self.fields if field.indicator}
        for name in self.features_to_forward:
            forwarded = name + FORWARDED_SUFFIX
            if forwarded in features or forwarded == WEIGHT_FEATURE:
                raise SamplingError(
                    f"{name!r} is forwarded as {forwarded!r}, which is a feature's name already; "
                    "rename one of the two"
                )


def _json_entries(text: str, origin: str) -> list[Any]:
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise SamplingError(
            f"{origin}, line {error.lineno}, column {error.colno}: {error.msg}; "
            "expected the JSON that bq show --schema --format=prettyjson prints"
        ) from None
    for key in ("schema", "fields"):  # bq show without --schema wraps the list
        if isinstance(entries, dict):
            entries = entries.get(key, entries)
    if not isinstance(entries, list):
        raise SamplingError(f'{origin}: expected a list of {{"name": ..., "type": ...}}')
    return entries


def _names(names: Iterable[str] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())
