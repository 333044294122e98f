"""`Schema`: the columns of the files, in order, and which of them is label or weight.

schema = Schema.from_dict({"age": int, "city": str, "label": int}, label="label")
schema = Schema.from_json("schema.json", label="label", features_to_forward=["customer_id"])
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.schema import bigquery, json_form, labels, roles
from sampling.schema.field import Field
from sampling.schema.from_pandas import field_from_pandas
from sampling.schema.statistics import ColumnStatistics

if TYPE_CHECKING:  # pandas takes its time and 40 MB, and only one method needs it
    import pandas as pd


# What reads files stands above this package and imports it, so it is found by its name.
_PREPARING = "sampling.prepare.schema"


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
            input has each a second time with an underscore after the name ("id" as "id_"). Those
            of kind "id" always do.
        statistics: of columns, where they are known: `schema.statistics["age"].median`. Schemas are
            equal whatever theirs are.
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
    statistics: Mapping[str, ColumnStatistics] = dataclasses.field(
        default_factory=dict, compare=False
    )
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(self.fields))
        classes = labels.checked_classes(self.classes or (), self.label)
        object.__setattr__(self, "classes", classes)
        object.__setattr__(self, "features_to_forward", _names(self.features_to_forward))
        roles.check_fields(self.fields)
        ids = [f.name for f in self.features if f.kind == "id"]
        also = tuple(name for name in ids if name not in self.features_to_forward)
        object.__setattr__(self, "features_to_forward", self.features_to_forward + also)
        roles.check(self)

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
        return cls(fields, label, weight, _names(features_to_forward), classes=tuple(classes))

    @classmethod
    def from_manifest(cls, folder: str | os.PathLike[str]) -> Schema:
        """The schema of the files in a folder that `split`, `sample` or `write_epoch` wrote.

        Raises:
            SamplingError: the folder has no manifest of ours.
        """
        return cls._from_found(manifest.read(folder), os.fspath(folder))

    @classmethod
    def from_json(
        cls,
        text_or_path: Any,
        label: str | None = None,
        weight: str | None = None,
        features_to_forward: Iterable[str] = (),
        classes: Iterable[Any] = (),
    ) -> Schema:
        """Reads what `tf-sampling schema` or `bq show --schema --format=prettyjson` prints.

        Args:
            text_or_path: a text, which begins with "[" or "{", or the path of a file, local or of a
                bucket.
            label, weight, features_to_forward, classes: unless given, what the JSON says.

        Raises:
            SamplingError: the file can't be read, is no such JSON, or has a key that is not known;
                or see `Field` and `Schema`.
        """
        found, origin = json_form.load(text_or_path)
        return cls._from_found(found, origin, label, weight, features_to_forward, classes)

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
        fields, forwarded = json_form.fields(entries, table), _names(features_to_forward)
        return cls(fields, label, weight, forwarded, classes=tuple(classes))

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

        Warns where a column of text holds nothing but numbers, `"3,14"` say.

        Raises:
            SamplingError: it is no DataFrame, or a column holds values of several kinds.
        """
        if not hasattr(frame, "dtypes"):
            raise SamplingError(f"expected a DataFrame, found {type(frame).__name__}; pass one")
        fields = tuple(field_from_pandas(column) for _, column in frame.items())
        return cls(fields, label, weight, _names(features_to_forward), classes=tuple(classes))

    @classmethod
    def infer(
        cls,
        files: Any,
        label: str | None = None,
        key: str | Iterable[str] = (),
        *,
        weight: str | None = None,
        ids: Iterable[str] = (),
        categories: Iterable[str] = (),
        numbers: Iterable[str] = (),
        dates: Iterable[str] = (),
        drop: Iterable[str] = (),
        rename: Mapping[str, str] | None = None,
        columns: Iterable[str] = (),
        header: bool | None = None,
        delimiter: str | None = None,
        null_values: Iterable[str] = (),
        newlines_in_values: bool = False,
        decimal: str = ".",
        escape: str = "",
        encoding: str = "utf-8",
        file_format: str | None = None,
        rows: int | None = None,
        progress: bool = False,
    ) -> Schema:
        """The columns of files or tables as they are, with statistics: one pass, in bounded memory.

        Types lose nothing: whole numbers are INTEGER however many are missing, and text where they
        have leading zeros or more than 64 bits. `schema.statistics["age"].remarks` says what may
        have been meant otherwise.

        Args:
            files: a glob, path or folder, a DataFrame or a pyarrow table, or a list of either.
            key: columns that rows are known by; they are ids.
            ids, categories, numbers, dates: columns of that kind, whatever their values say.
            drop: columns to leave out.
            rename: new names by old ones, {"Class": "label"}. Files may have either, see `Field`.
            columns: names of the columns of text without a header.
            header, delimiter: of text; None: found out by the first lines.
            null_values: spellings of a missing value.
            newlines_in_values, decimal, escape, encoding: of text, as `InputFn` takes them.
            file_format: None: by the files' names.
            rows: how many to look at; None: all.
            progress: whether to tell on stderr how far it is.

        Raises:
            SamplingError: nothing matches, a file can't be read, there is no row, or a column that
                is asked for is not there or can't be of its kind.
        """
        preparing = importlib.import_module(_PREPARING)

        kinds = map(_names, (key, ids, categories, numbers, dates, drop))
        how = preparing.HowToRead(
            file_format,
            header,
            delimiter,
            _names(columns),
            _names(null_values),
            newlines_in_values,
            decimal,
            escape,
            encoding,
            rows,
            progress,
        )
        wishes = preparing.Wishes(label, weight, *kinds, dict(rename or {}))
        made: Schema = preparing.infer(files, wishes, how).schema
        return made

    @classmethod
    def _from_found(
        cls,
        found: Mapping[str, Any],
        origin: str,
        label: str | None = None,
        weight: str | None = None,
        features_to_forward: Iterable[str] = (),
        classes: Iterable[Any] = (),
    ) -> Schema:
        """The schema of what a JSON says; roles that are given override those in it."""
        statistics = {
            name: ColumnStatistics.from_dict(said, f"{origin}: statistics of {name!r}")
            for name, said in (found.get("statistics") or {}).items()
        }
        return cls(
            json_form.fields(found["schema"], origin),
            found.get("label") if label is None else label,
            found.get("weight") if weight is None else weight,
            _names(features_to_forward) or _names(found.get("features_to_forward")),
            statistics,
            tuple(classes) or tuple(found.get("classes") or ()),
        )

    def to_json(self) -> str:
        """BigQuery's schema JSON; `Schema.from_json(schema.to_json(), ...)` gives it back.

        Label, weight and statistics are no part of it; `to_manifest` has them too.
        """
        return json.dumps([field.to_dict() for field in self.fields], indent=2)

    @functools.cached_property
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

    def names_of(self, found: Sequence[str]) -> list[str]:
        """Names of columns of files, with the fields' own names in place of their aliases."""
        own = {f.alias: f.name for f in self.fields if f.alias and f.name not in found}
        return [own.get(name, name) for name in found]

    def allows_empty(self, field: Field) -> bool:
        """Whether an empty field is its default; for label and weight only if one was given."""
        if field.mode == "REQUIRED":
            return False
        return field.default is not None or field.name not in (self.label, self.weight)

    def __getitem__(self, name: str) -> Field:
        try:
            return self._by_name[name]
        except KeyError:
            raise KeyError(f"{name!r}; the columns are {', '.join(self.names)}") from None

    @functools.cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def to_manifest(self) -> dict[str, Any]:
        """Plain values of which `from_manifest` and `from_json` make the same schema."""
        made: dict[str, Any] = {
            "label": self.label,
            "weight": self.weight,
            "features_to_forward": list(self.features_to_forward),
            "classes": list(self.classes),
            "schema": [field.to_dict() for field in self],
        }
        if self.statistics:
            made["statistics"] = {name: each.to_dict() for name, each in self.statistics.items()}
        return made

    def _of_places(self, field: Field) -> Field:
        place = None if field.default is None else labels.place(field.default, self.classes)
        return dataclasses.replace(field, type="INTEGER", default=place, kind=None)

    def fingerprint(self) -> int:
        """A checksum of all that decides on what batches hold; kinds and statistics do not."""
        fields = [[f.name, f.type, f.mode, f.default, f.length, f.indicator] for f in self]
        decides = [fields, self.label, self.weight, self.features_to_forward, self.classes]
        return zlib.crc32(json.dumps(decides).encode())

    def __repr__(self) -> str:
        return roles.shown(self)


def _names(names: Iterable[str] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())
