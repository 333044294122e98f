"""How rows are held while a round lasts: tables -> rounds, chunks -> the columns asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from sampling.rows import columns
from sampling.rows.columns import Columns, Round
from sampling.rows.transform import Transform
from sampling.schema import Schema

CHUNK_ROWS = 32_768  # rows that are mixed with each other and handed on at a time


class Encoding(Protocol):
    """What lies between the tables of the files and the columns of batches.

    Attributes:
        takes_codes: whether tables may have strings as dictionaries.
        chunk_rows: about how many rows a chunk has.
        forwarded: features that come along to predictions.
    """

    takes_codes: bool
    forwarded: tuple[str, ...]

    @property
    def chunk_rows(self) -> int: ...

    def dtypes(self, blocks: Any) -> dict[str, np.dtype]:
        """Of features and label; with a shape, where a row is a vector."""

    def columns(self, names: Sequence[str]) -> tuple[str, ...] | None:
        """Of the files, those that must be read for some features; None: all."""

    def encode(self, table: pa.Table, blocks: Any, ids: np.ndarray) -> Round:
        """What is held of the rows of some blocks: of a table as the transform made it."""

    def kept(self, round_: Round) -> np.ndarray | None:
        """int64: the rows of a round that take part; None: all."""

    def rows_of_blocks(self, blocks: Any) -> np.ndarray:
        """int64 [blocks]: how many rows of each block take part."""

    def count(self, blocks: Any) -> int:
        """How many rows of all blocks take part."""

    def needed(self, names: Sequence[str]) -> tuple[str, ...]:
        """The columns that a chunk must have for some features."""

    def decode(self, chunk: Columns, names: Sequence[str]) -> Columns:
        """The features asked for, and the weight."""


class TableRows:
    """Columns of the files as they are, or as the transform makes them.

    Args:
        schema: of the files.
        transform: the user's own function.
        not_features: columns that are read and left out of batches.
    """

    chunk_rows = CHUNK_ROWS

    def __init__(self, schema: Schema, transform: Transform, not_features: Collection[str] = ()):
        self._schema, self._transform, self._not_features = schema, transform, not_features
        self.takes_codes = not transform
        self.forwarded = schema.features_to_forward

    def dtypes(self, blocks: Any) -> dict[str, np.dtype]:
        """With a transform they are seen on the first block."""
        schema = self._schema
        if self._transform:
            found = columns.dtypes(self._transform(blocks.read(np.array([0]))))
        else:
            fields = [f for f in schema.table_fields if f.name != schema.label]
            if blocks.has_labels and schema.label_field is not None:
                fields.append(schema.label_field)
            found = {field.name: field.numpy_dtype for field in fields}
        left_out = {schema.weight, *self._not_features}
        return {name: dtype for name, dtype in found.items() if name not in left_out}

    def columns(self, names: Sequence[str]) -> tuple[str, ...] | None:
        schema = self._schema
        if self._transform:
            return None
        wanted = {*names, schema.label, schema.weight, *self._not_features}
        return tuple(
            field.name
            for field in schema
            if field.name in wanted or (field.indicator and field.indicator_name in wanted)
        )

    def encode(self, table: pa.Table, blocks: Any, ids: np.ndarray) -> Round:
        hidden = [name for name in self._not_features if name in table.column_names]
        return columns.from_table(table.drop(hidden) if hidden else table)

    def kept(self, round_: Round) -> np.ndarray | None:
        return None

    def rows_of_blocks(self, blocks: Any) -> np.ndarray:
        found: np.ndarray = blocks.rows_of_blocks()
        return found

    def count(self, blocks: Any) -> int:
        return int(blocks.count())

    def needed(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(names)

    def decode(self, chunk: Columns, names: Sequence[str]) -> Columns:
        return chunk
