"""Serialized tf.train.Examples -> tables, by TensorFlow's own parser."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from google.protobuf.message import DecodeError

from sampling.errors import SamplingError
from sampling.formats.values import types
from sampling.schema import Field, Schema

# What an Example calls its kinds of values, and what they are here.
KINDS = {
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


# What a feature is parsed as where a record lacks it: as none in any file, or looked at again.
_MISSING: dict[str, Any] = {
    "int64_list": np.iinfo(np.int64).min,
    "float_list": np.nan,
    "bytes_list": b"\0missing \x8d\xf4\x1c\xe7\xb5\x02\x9a\xd3\x66\xab",
}


@functools.lru_cache(maxsize=32)
def parser(
    fields: tuple[Field, ...],
    kinds: frozenset[tuple[str, str]],
    coded: frozenset[str],
    called: frozenset[tuple[str, str]],
    loose: bool,
) -> ExampleParser:
    """The parser of such files; making one takes longer than the first rows do."""
    return ExampleParser(fields, dict(kinds), coded, dict(called), loose)


class UncertainError(ValueError):
    """Whether values are missing can be told by a loose parser only."""


class ExampleParser:
    """Examples -> tables of some columns, null where a record lacks one.

    A graph of its own, which works within other graphs and without eager execution.

    Args:
        fields: the columns.
        kinds: what kind of values each feature has.
        coded: the columns of strings that are to be codes of distinct ones (dictionaries): an
            object for every value costs more than finding out which ones there are.
        called: what records call each column.
        loose: whether a list may be empty, too, and any number a value: half as fast.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        kinds: Mapping[str, str],
        coded: Collection[str],
        called: Mapping[str, str],
        loose: bool,
    ):
        self._fields, self._kinds, self._loose = fields, kinds, loose
        self._coded = coded if not loose else ()
        specs = {called[field.name]: self._spec(field) for field in fields}
        with tf.Graph().as_default() as graph:
            records = tf.compat.v1.placeholder(tf.string, [None])
            parsed = tf.io.parse_example(records, specs)
            fetches = {f.name: self._fetched(f.name, parsed[called[f.name]]) for f in fields}
        config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
        session = tf.compat.v1.Session(graph=graph, config=config)
        self._run = session.make_callable(fetches, [records])

    def __call__(self, records: Sequence[bytes]) -> pa.Table:
        """The values as they are in the file.

        Raises:
            tf.errors.InvalidArgumentError: one is no Example, or a feature has other values.
            UncertainError: a number is the one that stands for what is missing.
        """
        parsed = self._run(np.array(records, object))
        arrays = {field.name: self._array(parsed[field.name], field) for field in self._fields}
        return pa.table(arrays)

    def _spec(self, field: Field) -> Any:
        kind = self._kinds[field.name]
        if field.length and field.mode == "REQUIRED" and not self._loose:
            return tf.io.FixedLenFeature([field.length], KINDS[kind][0])
        if field.is_list or self._loose:
            return tf.io.RaggedFeature(KINDS[kind][0], row_splits_dtype=tf.int64)
        return tf.io.FixedLenFeature([], KINDS[kind][0], _MISSING[kind])

    def _fetched(self, name: str, column: Any) -> Any:
        if isinstance(column, tf.RaggedTensor):
            return column.values, column.row_splits
        return tuple(tf.unique(column)) if name in self._coded else column

    def _array(self, values: Any, field: Field) -> pa.Array:
        kind = self._kinds[field.name]
        type_, missing = KINDS[kind][1], _MISSING[kind]
        if field.is_list and not isinstance(values, tuple):
            return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), type_), field.length)
        if field.is_list:
            flat, splits = values
            return pa.ListArray.from_arrays(splits.astype(np.int32), pa.array(flat, type_))
        if self._loose:
            flat, splits = values
            return _single(flat, splits, type_, field)
        if field.name in self._coded:
            return _codes(values[0], values[1], type_, missing)
        if kind == "int64_list" and (values == missing).any():
            raise UncertainError(f"{field.name!r} has {missing}")
        if kind == "bytes_list":
            return pa.array(values, type_, mask=values == missing)
        return pa.array(values, type_)  # NaN is missing anyway


def _codes(distinct: np.ndarray, codes: np.ndarray, type_: pa.DataType, missing: Any) -> pa.Array:
    """A dictionary, null where the value that stands for it is the missing one."""
    is_missing = distinct == missing
    if is_missing.any() and pa.types.is_integer(type_):
        raise UncertainError(f"there is {missing}")
    mask = is_missing[codes] if is_missing.any() else None
    values = pa.array(distinct, type_, mask=is_missing)
    with contextlib.suppress(pa.ArrowInvalid):  # no text in UTF-8: told with its row, later
        values = values.cast(pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=mask), values)


def _single(flat: np.ndarray, splits: np.ndarray, type_: pa.DataType, field: Field) -> pa.Array:
    """Lists of one value or none -> values."""
    lengths = np.diff(splits)
    if (lengths > 1).any():
        raise tf.errors.InvalidArgumentError(None, None, f"{field.name!r} has several values")
    places = np.zeros(len(lengths), np.int64)
    places[lengths == 1] = np.arange(len(flat))
    return pa.array(flat, type_).take(pa.array(places, mask=lengths == 0))


def explain(
    record: bytes, schema: Schema, kinds: Mapping[str, str], called: Mapping[str, str]
) -> str | None:
    """What is wrong with a record, as the end of a sentence; None: nothing."""
    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError:
        return ": found bytes that are no tf.train.Example, expected one; write the file anew"
    for field in schema:
        if field.name not in kinds:
            continue
        name = called.get(field.name, field.name)
        found = features[name].WhichOneof("kind") if name in features else None
        values = len(getattr(features[name], found).value) if found else 0
        first = kinds[field.name]
        if found and found != first:
            kind = f"found the kind {found}, expected {first}, as in the first records"
            return f", column {field.name!r}: {kind}; fix it"
        if values > 1 and not field.is_list:
            return (
                f", column {field.name!r}: found {values} values, expected 1; fix it, or the "
                "column's mode or length in the schema"
            )
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
        type_ = KINDS[kind][1] if kind else pa.null()
        if not types.fits(pa.list_(type_) if field.is_list else type_, field, schema):
            raise SamplingError(
                f"{what}, column {field.name!r}: found the kind {kind}, expected "
                f"{types.expected(field)}; fix the file, or the column's type in the schema"
            )
