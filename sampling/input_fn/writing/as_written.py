"""An epoch as it is written: rows with the fields that they have in their files.

Rows go the way of all rows. What batches hold of them is at their side: labels, and all that a
transform or a sampler made.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling.files.manifest import Written
from sampling.formats import kept
from sampling.formats.csv.blocks import CsvBlocks
from sampling.formats.csv.options import CsvOptions
from sampling.formats.values import conversion
from sampling.formats.writing import Layout
from sampling.input_fn.stream.chunks import ChunkStream
from sampling.input_fn.stream.iteration import Position
from sampling.input_fn.stream.tally import Tally
from sampling.input_fn.writing import export
from sampling.order.shares import EVERYTHING
from sampling.rows.columns import Carried, Columns, Round
from sampling.rows.encoding import TableRows
from sampling.rows.transform import Transform
from sampling.schema import WEIGHT_FEATURE, Field, Schema

_ROWS = "\0rows"  # a column that no file has


class WrittenRows(TableRows):
    """Rows as batches have them, and beside them as their files do.

    Args:
        schema, transform, not_features: see `TableRows`.
        blocks: of all classes.
        layout: how they are written.
        decimal: what stands before a fraction, where text is written.
        null_values: spellings of a missing value, in the files.
    """

    def __init__(
        self,
        schema: Schema,
        transform: Transform,
        not_features: Collection[str] = (),
        *,
        blocks: Mapping[str, Any],
        layout: Layout,
        decimal: str,
        null_values: Collection[str],
    ):
        super().__init__(schema, transform, not_features)
        self.is_derived = bool(transform)
        self._blocks, self._layout, self._decimal = blocks, layout, decimal
        self._nulls = [null for null in null_values if null]

    def columns(self, names: Iterable[str]) -> None:
        """All are read, and checked."""

    def encode(self, table: pa.Table, blocks: Any, ids: np.ndarray) -> Round:
        round_ = super().encode(table, blocks, ids)
        tables = [self._no_rows, self._read(blocks, ids)]  # whose types are those of all classes
        rows = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
        round_[_ROWS] = Carried(rows)
        return round_

    @functools.cached_property
    def _no_rows(self) -> pa.Table:
        firsts = [self._read(blocks, np.array([0])) for blocks in self._blocks.values()]
        return kept.unified(first.schema for first in firsts).empty_table()

    @functools.cached_property
    def _readers(self) -> dict[int, Any]:
        blocks = self._blocks.values()
        return {id(each): kept.fields(each, self._layout.format) for each in blocks}

    def _read(self, blocks: Any, ids: np.ndarray) -> pa.Table:
        table = self._readers[id(blocks)](ids)
        return pa.table({name: self._field(table.column(name)) for name in table.column_names})

    def _field(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = conversion.without(column, self._nulls) if self._nulls else column
        return export.text(column, self._decimal) if self._layout.is_text else column


class WrittenEpoch:
    """The first epoch of an input function, in tables as they are written.

    Args:
        stream: whose rows are `WrittenRows`, unless its sampler holds them in another way.
        layout: how they are written.
        options: what to read them by again.

    Attributes:
        schema: of what is written, with the weight.

    Raises:
        SamplingError: a feature has lists.
    """

    def __init__(self, stream: ChunkStream, layout: Layout, options: CsvOptions):
        self._stream, self.layout, self._options = stream, layout, options
        reader, rows = stream.reader, stream.reader.encoding
        self._carries = isinstance(rows, WrittenRows) and stream.plan.made_up is None
        self._is_derived = not self._carries or (isinstance(rows, WrittenRows) and rows.is_derived)
        self.schema = export.output_schema(reader.schema, reader.dtypes, self._is_derived)

    @property
    def rows(self) -> int:
        return self._stream.rows(EVERYTHING)

    def tables(self, begin: Position | None = None) -> Iterator[pa.Table]:
        """The chunks of the epoch from the one on that begins there.

        Raises:
            SamplingError: a row can't be read, or written.
        """
        dtypes, label = self._stream.reader.dtypes, self.schema.label
        names = list(dtypes) if self._is_derived else [label] if label else []
        names += [_ROWS] if self._carries else []
        begin = begin or self._stream.beginning
        # Not read ahead: two threads would be at work on the same files.
        for _, chunk in self._stream.walk(begin, names, Tally(), 0):
            if chunk is None:
                return
            yield pa.table({field.name: self._column(field, chunk) for field in self.schema})

    def described(self, written: Iterable[Written]) -> dict[str, Any]:
        """The manifest, of these shards."""
        made_with = self._stream.fingerprint()
        return export.described(
            list(written), self.schema, self.layout.format, self._options, made_with
        )

    def _column(self, field: Field, chunk: Columns) -> Any:
        rows = chunk[_ROWS].table if self._carries else None
        written = rows[field.name] if rows is not None and field.name in rows.column_names else None
        if field.name not in chunk:
            return written
        column = export.to_array(field.name, chunk[field.name])
        if field.name == self.schema.label:
            column = export.named(column, self.schema)
            if written is not None and not self._is_derived:
                has_all = not written.null_count  # a file may lack labels, or one of them
                return written if has_all else pc.coalesce(written, column.cast(written.type))
        elif written is not None and field.name != WEIGHT_FEATURE:
            is_empty = _is(column, field.empty_value)
            missing = pc.and_(pc.is_null(written, nan_is_null=True), is_empty)
            column = pc.if_else(missing, pa.scalar(None, column.type), column)
        is_fraction = self.layout.is_text and pa.types.is_floating(column.type)
        return export.text(column, self._options.decimal) if is_fraction else column


def options_of(options: CsvOptions, layout: Layout, blocks: Collection[Any]) -> CsvOptions:
    """How text is written that is read by these options: what is missing is blank."""
    is_text = layout.is_text and any(isinstance(each, CsvBlocks) for each in blocks)
    again = options.as_written(layout.delimiter, is_text)
    return dataclasses.replace(again, null_values=())


def _is(column: Any, value: Any) -> Any:
    return pc.is_nan(column) if value != value else pc.equal(column, pa.scalar(value, column.type))
