"""Serialized tf.train.Examples -> tables, by TensorFlow's own parser."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from google.protobuf.message import DecodeError

from sampling.errors import SamplingError
from sampling.formats import conversion
from sampling.schema import Field, Schema

# What an Example calls its kinds of values, and what they are here.
_KINDS = {
    "int64_list": (tf.int64, pa.int64()),
    "float_list": (tf.float32, pa.float32()),
    "bytes_list": (tf.string, pa.binary()),
}


def kinds_of(records: Iterable[bytes]) -> dict[str, str]:
    """`{"age": "int64_list"}`: the features that some records have; the first kind of each.

    Raises:
        google.protobuf.message.DecodeError: one is no tf.train.Example.
    """
    kinds: dict[str, str] = {}
    for record in records:
        for name, feature in tf.train.Example.FromString(record).features.feature.items():
            kind = feature.WhichOneof("kind")
            if kind and getattr(feature, kind).value:
                kinds.setdefault(name, kind)
    return kinds


@functools.lru_cache(maxsize=32)
def parser(schema: Schema, kinds: frozenset[tuple[str, str]], coded: bool) -> Parser:
    """The parser of such files; making one takes longer than the first rows do."""
    return Parser(schema, dict(kinds), coded)


class Parser:
    """Examples -> tables of the schema's columns that they have.

    A graph of its own, which works within other graphs and without eager execution.

    Args:
        schema: the columns.
        kinds: what kind of values each feature has; others than the schema's are left out.
        coded: whether strings of features are to be codes of distinct ones (dictionaries): an
            object for every value costs more than finding out which ones there are.
    """

    def __init__(self, schema: Schema, kinds: Mapping[str, str], coded: bool):
        self._fields = [field for field in schema if field.name in kinds]
        self._kinds = kinds
        self._coded = {f.name for f in self._fields if coded and conversion.can_be_coded(f, schema)}
        specs = {field.name: _spec(field, kinds[field.name], schema) for field in self._fields}
        with tf.Graph().as_default() as graph:
            records = tf.compat.v1.placeholder(tf.string, [None])
            parsed = tf.io.parse_example(records, specs) if specs else {}
            fetches = {name: self._fetched(name, column) for name, column in parsed.items()}
        config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
        session = tf.compat.v1.Session(graph=graph, config=config)
        self._run = session.make_callable(fetches, [records])

    def __call__(self, records: Sequence[bytes]) -> pa.Table:
        """The values as they are in the file.

        Raises:
            tf.errors.InvalidArgumentError: one is no Example, or a feature has other values.
        """
        parsed = self._run(np.array(records, object))
        arrays = {field.name: self._array(parsed[field.name], field) for field in self._fields}
        return pa.table(arrays)

    def _fetched(self, name: str, column: Any) -> Any:
        if isinstance(column, tf.RaggedTensor):
            return column.values, column.row_splits
        return tuple(tf.unique(column)) if name in self._coded else column

    def _array(self, values: Any, field: Field) -> pa.Array:
        type_ = _KINDS[self._kinds[field.name]][1]
        if field.name in self._coded:
            distinct, codes = pa.array(values[0], type_), values[1]
            with contextlib.suppress(pa.ArrowInvalid):  # no text in UTF-8: told with its row, later
                distinct = distinct.cast(pa.string())
            return pa.DictionaryArray.from_arrays(codes, distinct)
        if isinstance(values, tuple):
            flat, splits = values
            return pa.ListArray.from_arrays(splits.astype(np.int32), pa.array(flat, type_))
        if field.length is None:
            return pa.array(values, type_)
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), type_), field.length)


def explain(record: bytes, schema: Schema, kinds: Mapping[str, str]) -> str | None:
    """What is wrong with a record, as the end of a sentence; None: nothing."""
    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError:
        return ": found bytes that are no tf.train.Example, expected one; write the file anew"
    for field in schema:
        if field.name not in kinds:
            continue
        found = features[field.name].WhichOneof("kind") if field.name in features else None
        values = len(getattr(features[field.name], found).value) if found else 0
        first = kinds[field.name]
        if found and found != first:
            kind = f"found the kind {found}, expected {first}, as in the first records"
            return f", column {field.name!r}: {kind}; fix it"
        if problem := _wrong_number(values, found is not None, field, schema):
            return f", column {field.name!r}: found {problem}"
    return None


def kind_of(field: Field) -> str:
    """The kind that a field has where no record says."""
    if field.is_string:
        return "bytes_list"
    return "int64_list" if field.is_integer else "float_list"


def check_kinds(kinds: Mapping[str, str], schema: Schema, what: str) -> None:
    """Raises SamplingError if a feature can't have the values of the schema's field."""
    for field in schema:
        kind = kinds.get(field.name)
        if kind and not conversion.fits_value(_KINDS[kind][1], field):
            raise SamplingError(
                f"{what}, column {field.name!r}: found the kind {kind}, expected "
                f"{conversion.expected(field)}; fix the file, or the column's type in the schema"
            )


def _spec(field: Field, kind: str, schema: Schema) -> Any:
    dtype, type_ = _KINDS[kind]
    if field.mode == "REPEATED" or (field.length and schema.allows_empty(field)):
        return tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)
    default = None
    if schema.allows_empty(field):
        default = pa.scalar(field.empty_value).cast(type_).as_py()
    return tf.io.FixedLenFeature([field.length] if field.length else [], dtype, default)


def _wrong_number(values: int, is_there: bool, field: Field, schema: Schema) -> str | None:
    if field.mode == "REPEATED":
        return None
    wanted = field.length or 1
    if values == wanted or (not is_there and schema.allows_empty(field)):
        return None
    number = f"{values} value{'s' * (values != 1)}" if values else "no value"
    return f"{number}, expected {wanted}; fix it, or the column's mode or length in the schema"
