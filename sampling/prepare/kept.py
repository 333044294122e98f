"""Rows as they are written again: with the fields that they have in their files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling.errors import SamplingError
from sampling.formats import partitions
from sampling.formats.csv.blocks import CsvBlocks
from sampling.formats.groups import GroupedBlocks
from sampling.formats.registry import Blocks

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
    if not isinstance(blocks, GroupedBlocks):
        return lambda ids: _twice(*_unfilled(blocks, ids))
    types = _types(blocks)
    if file_format == "parquet":
        return lambda ids: _twice(*_typed(*blocks.read_both(ids), types))
    _check_no_lists(types, blocks)
    return lambda ids: _as_text(*_typed(*blocks.read_both(ids), types))


def _twice(table: pa.Table, kept: pa.Table) -> tuple[pa.Table, pa.Table, pa.Table]:
    return table, kept, kept


def _unfilled(blocks: Blocks, ids: np.ndarray) -> tuple[pa.Table, pa.Table]:
    """Of a format without types of its own."""
    filled = blocks.read(ids)
    blocks.filled = False
    try:
        return filled, blocks.read(ids)
    finally:
        blocks.filled = True


def _types(blocks: GroupedBlocks) -> pa.Schema:
    """Of all files, dictionaries decoded."""
    types = pa.unify_schemas(
        [
            pa.schema([(each.name, _decoded(each.type)) for each in file.types])
            for file in blocks.files
        ],
        promote_options="permissive",
    )
    return pa.schema([types.field(name) for name in blocks.files[0].names])


def _decoded(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _typed(
    table: pa.Table, raw: list[pa.Table], types: pa.Schema | None
) -> tuple[pa.Table, pa.Table]:
    names = [name for name in raw[0].column_names if name in table.column_names]
    kept = [each.select(names) for each in raw]
    if types is not None:
        kept = [each.cast(types) for each in kept]
    joined = pa.concat_tables(kept)
    return table, joined


def _as_text(table: pa.Table, kept: pa.Table) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Columns that CSV takes, before those as they are."""
    columns = {}
    for name in kept.column_names:
        column = kept[name]
        if pa.types.is_temporal(column.type):  # text already, in the way that input functions read
            column = pc.if_else(pc.is_valid(column), table[name], pa.scalar(None, pa.string()))
        elif pa.types.is_floating(column.type):
            missing = pa.scalar(None, column.type)
            column = pc.if_else(pc.fill_null(pc.is_nan(column), False), missing, column)
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


def _check_no_lists(types: pa.Schema, blocks: GroupedBlocks) -> None:
    for field in types:
        if pa.types.is_nested(field.type):
            raise SamplingError(
                f"{blocks.files[0].file.path}, column {field.name!r}: found {field.type}, expected "
                "one value a row to write as CSV; write Parquet, or leave it out of the schema"
            )
