"""An epoch of any input function, written to shards: a one-off sample."""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
import itertools
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.files.manifest import Written
from sampling.formats.csv.options import CsvOptions
from sampling.formats.writing import Layout, ShardWriter
from sampling.progress import Progress
from sampling.rows.columns import Columns, Strings
from sampling.schema import WEIGHT_FEATURE, Field, Schema, json_form

SPLIT = "epoch"  # what the manifest calls it


def write_epoch(
    chunks: Iterator[Columns],
    rows: int,
    schema: Schema,
    folder: str,
    *,
    shards: int,
    layout: Layout,
    overwrite: bool,
    made_with: Mapping[str, Any],
) -> dict[str, Any]:
    """Writes chunks to `folder`, one shard after the other, and a manifest.

    Args:
        rows: of all chunks; each shard has its share of them, give or take one.
        schema: of what is written, with the weight.
        made_with: what the manifest says of how they were made.

    Returns:
        The manifest.

    Raises:
        SamplingError: as `files.folder`; a column can't be written; a row can't be read.
    """
    ends = [rows * (shard + 1) // shards for shard in range(shards)]
    tables = _with_progress((to_table(chunk, schema) for chunk in chunks), rows)
    with files.folder(folder, overwrite) as stage, contextlib.closing(tables):
        written = [
            write_shard(stage, layout.name(shard, shards), pieces, schema.label, layout)
            for shard, pieces in _by_shard(tables, ends)
        ]
        made = described(written, schema, layout, made_with)
        manifest.write(stage, made)
    return made


def write_shard(
    folder: str, name: str, tables: Iterable[pa.Table], label: str | None, layout: Layout
) -> Written:
    """Writes one file; returns what is in it."""
    classes: Counter[str] = Counter()
    with ShardWriter(f"{folder}/{name}", layout) as shard:
        for table in tables:
            shard.write(table)
            if label is not None:
                classes.update(manifest.value_counts(table.column(label)))
    return manifest.written(folder, name, shard.rows, SPLIT, None, classes)


def described(
    written: Sequence[Written], schema: Schema, layout: Layout, made_with: Mapping[str, Any]
) -> dict[str, Any]:
    """The manifest of an epoch."""
    about = {
        "format": layout.format,
        json_form.CSV: CsvOptions(delimiter=layout.delimiter).to_dict(),
        "made_with": dict(made_with),
    }
    return manifest.build(about, schema.to_manifest(), [SPLIT], written)


def output_schema(schema: Schema, dtypes: Mapping[str, np.dtype]) -> Schema:
    """Of batches with those columns: fields of the files where they have not changed.

    Raises:
        SamplingError: a column has lists.
    """
    fields = [_field(schema, name, dtype) for name, dtype in dtypes.items()]
    fields.append(Field(WEIGHT_FEATURE, "FLOAT"))
    label = schema.label if schema.label in dtypes else None
    return Schema(tuple(fields), label, WEIGHT_FEATURE, schema.features_to_forward)


def to_table(chunk: Columns, schema: Schema) -> pa.Table:
    """The columns of a chunk, in the schema's order.

    Raises:
        SamplingError: a column has bytes that are no text.
    """
    return pa.table({name: _array(name, chunk[name]) for name in schema.names})


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


def _array(name: str, column: np.ndarray | Strings) -> pa.Array:
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


def _field(schema: Schema, name: str, dtype: np.dtype) -> Field:
    if dtype.shape:
        raise SamplingError(
            f"column {name!r} has lists of {dtype.shape[0]}, expected one value a row to write; "
            "leave it out, or take it apart with a transform"
        )
    if name in schema.names and schema[name].numpy_dtype == dtype:
        return dataclasses.replace(schema[name], indicator=False)  # which is a column of its own
    kinds = {"i": "INTEGER", "f": "FLOAT", "O": "STRING"}
    return Field(name, kinds[dtype.kind])
