"""Tables of rows written to shards, with a manifest: an epoch of an input function, say."""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
import itertools
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling import files
from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.files.manifest import Written
from sampling.formats.csv.options import CsvOptions
from sampling.formats.writing import Layout, ShardWriter
from sampling.progress import Progress
from sampling.rows.columns import Strings
from sampling.schema import WEIGHT_FEATURE, Field, Schema, json_form, labels

if TYPE_CHECKING:
    from sampling.input_fn.writing.as_written import WrittenEpoch

SPLIT = "epoch"  # what the manifest calls it


def write_epoch(epoch: WrittenEpoch, folder: str, shards: int, overwrite: bool) -> dict[str, Any]:
    """Writes an epoch to `folder`, one shard after the other, and a manifest.

    Args:
        shards: each has its share of the rows, give or take one.

    Returns:
        The manifest.

    Raises:
        SamplingError: as `files.folder`; a column can't be written; a row can't be read.
    """
    rows, layout = epoch.rows, epoch.layout
    ends = [rows * (shard + 1) // shards for shard in range(shards)]
    tables = _with_progress(epoch.tables(), rows)
    with files.folder(folder, overwrite) as stage, contextlib.closing(tables):
        written = [
            write_shard(stage, layout.name(shard, shards), pieces, epoch.schema, layout)
            for shard, pieces in _by_shard(tables, ends)
        ]
        made = epoch.described(written)
        manifest.write(stage, made)
    return made


def write_shard(
    folder: str, name: str, tables: Iterable[pa.Table], schema: Schema, layout: Layout
) -> Written:
    """Writes one file; returns what is in it."""
    classes: Counter[str] = Counter()
    with ShardWriter(f"{folder}/{name}", layout) as shard:
        for table in tables:
            shard.write(table)
            if schema.label is not None:
                classes.update(_classes(table.column(schema.label).drop_null(), schema))
    return manifest.written(folder, name, shard.rows, SPLIT, None, classes)


def described(
    written: Sequence[Written],
    schema: Schema,
    file_format: str,
    options: CsvOptions,
    made_with: Mapping[str, Any],
) -> dict[str, Any]:
    """The manifest of an epoch.

    Args:
        options: what to read it by.
    """
    about = {
        "format": file_format,
        json_form.CSV: options.to_dict(),
        "made_with": dict(made_with),
    }
    return manifest.build(about, schema.to_manifest(), [SPLIT], written)


def output_schema(schema: Schema, dtypes: Mapping[str, np.dtype], derived: bool) -> Schema:
    """Of what is written of rows whose batches have those columns.

    Args:
        derived: whether it is what batches have, with fields of the files where they have not
            changed; otherwise it is the fields of the files.

    Raises:
        SamplingError: a column has lists.
    """
    for name, dtype in dtypes.items():
        _check_no_list(name, dtype)
    if derived:
        fields = [_field(schema, name, dtype) for name, dtype in dtypes.items()]
    else:
        fields = [schema[name] for name in dtypes if name in schema.names]
    fields.append(Field(WEIGHT_FEATURE, "FLOAT"))
    label = schema.label if schema.label in dtypes else None
    is_place = label is not None and dtypes[label].kind == "i"
    classes = schema.classes if is_place else ()
    forwarded = schema.features_to_forward
    return Schema(tuple(fields), label, WEIGHT_FEATURE, forwarded, classes=classes)


def to_array(name: str, column: np.ndarray | Strings) -> pa.Array:
    """A column of a chunk.

    Raises:
        SamplingError: it has bytes that are no text.
    """
    if not isinstance(column, Strings):
        if not column.dtype.hasobject:
            return pa.array(column)
        column = Strings(np.arange(len(column), dtype=np.int32), column)
    try:
        texts = pa.array(column.values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid as error:
        raise SamplingError(
            f"column {name!r} has bytes that are no text in UTF-8 ({error}), expected text to "
            "write; leave it out of the schema, or convert it with a transform"
        ) from None
    return texts.take(pa.array(column.codes))


def named(places: pa.Array, schema: Schema) -> pa.Array:
    """Labels of batches as they are called.

    Raises:
        SamplingError: one is the place of no class.
    """
    if not schema.classes:
        return places
    try:
        return pa.array(schema.classes).take(places)
    except pa.ArrowIndexError:
        raise SamplingError(
            f"column {schema.label!r}: found {pc.min(places)} to {pc.max(places)} after the "
            f"transform, expected places of {len(schema.classes)} classes; fix it there"
        ) from None


def text(column: Any, decimal: str) -> Any:
    """A column as text.

    Args:
        decimal: what stands before the fraction of a number.
    """
    texts = column.cast(pa.large_string())
    is_number = pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)
    return pc.replace_substring(texts, ".", decimal) if is_number and decimal != "." else texts


def _classes(column: pa.ChunkedArray, schema: Schema) -> Counter[str]:
    """Rows of each class, however it is spelled, or of each label."""
    found: Counter[str] = Counter()
    for spelled, rows in manifest.value_counts(column).items():
        place = labels.place(spelled, schema.classes)
        found[spelled if place is None else schema.classes[place]] += rows
    return found


def _by_shard(
    tables: Iterable[pa.Table], ends: Sequence[int]
) -> Iterator[tuple[int, Iterator[pa.Table]]]:
    """(number of the shard, its tables) of each shard that gets a row."""

    def cut() -> Iterator[tuple[int, pa.Table]]:
        done = 0
        for table in tables:
            while table.num_rows:
                shard = min(bisect.bisect(ends, done), len(ends) - 1)
                is_last = shard == len(ends) - 1
                some = table if is_last else table.slice(0, ends[shard] - done)
                yield shard, some
                table, done = table.slice(some.num_rows), done + some.num_rows

    for shard, pieces in itertools.groupby(cut(), key=lambda piece: piece[0]):
        yield shard, (table for _, table in pieces)


def _with_progress(tables: Iterator[pa.Table], rows: int) -> Generator[pa.Table, None, None]:
    with Progress("writing", rows) as progress:
        done = 0
        for table in tables:
            yield table
            done += table.num_rows
            progress.update(done, done)
        progress.close(done)


def _check_no_list(name: str, dtype: np.dtype) -> None:
    if dtype.shape:
        raise SamplingError(
            f"column {name!r} has lists of {dtype.shape[0]}, expected one value a row to write; "
            "leave it out, or take it apart with a transform"
        )


def _field(schema: Schema, name: str, dtype: np.dtype) -> Field:
    own = {field.name: field for field in schema.table_fields}.get(name)
    if own is not None and name in schema.names and own.numpy_dtype == dtype:
        return dataclasses.replace(schema[name], indicator=False)  # which is a column of its own
    kinds = {"i": "INTEGER", "f": "FLOAT", "O": "STRING"}
    return Field(name, kinds[dtype.kind])
