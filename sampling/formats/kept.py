"""Rows as they are written again: with the fields that they have in their files."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling.errors import SamplingError
from sampling.formats.base import CountedBlocks
from sampling.formats.columnar.groups import GroupedBlocks
from sampling.formats.csv.blocks import CsvBlocks
from sampling.formats.mixed import ClassBlocks
from sampling.formats.registry import Blocks
from sampling.formats.table import TableBlocks
from sampling.formats.values import partitions
from sampling.schema import Schema

Read = Callable[[np.ndarray], tuple[pa.Table, pa.Table, pa.Table]]


def reader(blocks: Blocks, file_format: str) -> Read:
    """What gives rows of blocks as `blocks.read` does, as they are to be written, and as known.

    CSV stays the text that it was, Parquet keeps types, what is missing stays missing. As known,
    rows have null where a value is missing.

    Args:
        file_format: that is written, "csv" or "parquet".

    Raises:
        SamplingError: a column can't be written in that format.
    """
    if isinstance(blocks, CsvBlocks) and file_format == "csv":
        names = [name for name in blocks.files[0].layout if name in blocks.schema.names]
        of_path = partitions.of_path(blocks.files[0].file.path)
        names += [name for name in blocks.schema.names if name not in names and name in of_path]
        return lambda ids: blocks.read_with_lines(ids, names)
    if isinstance(blocks, CsvBlocks):
        return lambda ids: _twice(*_typed(*blocks.read_both(ids), None))
    if not isinstance(blocks, (GroupedBlocks, TableBlocks)):
        return lambda ids: _twice(*_unfilled(blocks, ids))
    types = _types(blocks)
    if file_format == "parquet":
        return lambda ids: _twice(*_typed(*blocks.read_both(ids), types))
    _check_no_lists(types, blocks)
    return lambda ids: _as_text(*_typed(*blocks.read_both(ids), types), blocks.schema)


def fields(blocks: Blocks | ClassBlocks, file_format: str) -> Callable[[np.ndarray], pa.Table]:
    """What gives rows of blocks as they are to be written, each field in a column of its own.

    CSV to CSV are the fields' texts; otherwise it is what `reader` gives.

    Args:
        file_format: that is written, "csv" or "parquet".

    Raises:
        SamplingError: a column can't be written in that format.
    """
    if isinstance(blocks, ClassBlocks):
        return functools.partial(blocks.read_by, fields(blocks.mixed.blocks, file_format))
    if isinstance(blocks, CsvBlocks) and file_format == "csv":
        return blocks.read_text
    read = reader(blocks, file_format)
    return lambda ids: read(ids)[1]


def unified(found: Iterable[pa.Schema]) -> pa.Schema:
    """The columns of several tables, each of a type that holds the values of all.

    Raises:
        SamplingError: there is none.
    """
    try:
        return pa.unify_schemas(list(found), promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SamplingError(
            f"found columns of types that no column of Parquet holds together ({error}), expected "
            "one type in all files; write CSV"
        ) from None


def _twice(table: pa.Table, kept: pa.Table) -> tuple[pa.Table, pa.Table, pa.Table]:
    return table, kept, kept


def _unfilled(blocks: CountedBlocks, ids: np.ndarray) -> tuple[pa.Table, pa.Table]:
    """Of a format without types of its own."""
    known = blocks.read(ids, filled=False)
    return blocks.read(ids), known.cast(_decoded(known.schema))


def _types(blocks: CountedBlocks) -> pa.Schema:
    """Of all files, dictionaries decoded."""
    of_paths = pa.schema([(name, values.type) for name, values in blocks.partitions.items()])
    return unified([*(_decoded(file.types) for file in blocks.files), of_paths])


def _decoded(types: pa.Schema) -> pa.Schema:
    is_coded = pa.types.is_dictionary
    return pa.schema([(c.name, c.type.value_type if is_coded(c.type) else c.type) for c in types])


def _typed(
    table: pa.Table, raw: list[pa.Table], types: pa.Schema | None
) -> tuple[pa.Table, pa.Table]:
    kept = []
    for each in raw:
        some = each.select([name for name in each.column_names if name in table.column_names])
        as_types = [(types or _decoded(some.schema)).field(name) for name in some.column_names]
        kept.append(some.cast(pa.schema(as_types)))
    return table, pa.concat_tables(kept, promote_options="default")


def _as_text(
    table: pa.Table, kept: pa.Table, schema: Schema
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Columns that CSV takes, before those as they are."""
    columns = {}
    for name in kept.column_names:
        column = kept[name]
        if pa.types.is_temporal(column.type):  # text already, in the way that input functions read
            text = table[name].cast(pa.string())
            column = pc.if_else(pc.is_valid(column), text, pa.scalar(None, pa.string()))
        elif pa.types.is_floating(column.type):
            is_missing = pc.is_null(column, nan_is_null=True)
            if schema[name].is_integer and not (name == schema.label and schema.classes):
                column = table[name]  # as text a large fraction has an exponent
            column = pc.if_else(is_missing, pa.scalar(None, column.type), column)
        elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            column = _utf8(column, name)
        columns[name] = column
    return table, pa.table(columns), kept


def _utf8(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid as error:
        raise SamplingError(
            f"column {name!r} has bytes that are no text in UTF-8 ({error}), expected text to "
            "write as CSV; write Parquet"
        ) from None


def _check_no_lists(types: pa.Schema, blocks: CountedBlocks) -> None:
    for field in types:
        if pa.types.is_nested(field.type):
            raise SamplingError(
                f"{blocks.files[0].file.path}, column {field.name!r}: found {field.type}, expected "
                "one value a row to write as CSV; write Parquet, or leave it out of the schema"
            )
