"""Parquet files, looked into and read by row groups; damage is named, never a crash.

Pages are checked by their checksums, where they have any. Footers have none, so what they say is
compared with what is read. Some calls on a wrong footer end the process, such as pyarrow's
`RowGroupMetaData.column` before its column has been read. They are not made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sampling import files
from sampling.errors import SamplingError
from sampling.formats.base import Label
from sampling.formats.columnar import opening
from sampling.formats.values import types
from sampling.schema import Schema

_SAMPLED_ROWS = 1_000  # enough to know what a row takes in memory
_BUFFER_BYTES = 2**20


class ParquetFile:
    """A listed file, looked into: its columns, its row groups, not its rows.

    Attributes:
        names: of the schema's columns that it has.
        left_out: the names of its other columns.
        group_rows: int64 [row groups].

    Args:
        file: as listed.
        schema: what columns it should have; others are not read.
        label: see `CountedBlocks`.

    Raises:
        SamplingError: it is no Parquet file, or lacks a column, or has one of another type.
    """

    def __init__(self, file: files.File, schema: Schema, label: Label):
        self.file = file
        self._metadata: Any = None
        with self._open() as opened:
            self._metadata = opened.metadata
            called = opened.schema_arrow
            groups = range(self._metadata.num_row_groups)
            rows = [self._metadata.row_group(group).num_rows for group in groups]
            if min(rows, default=0) < 0 or sum(rows) != self._metadata.num_rows:
                raise pa.ArrowInvalid(
                    f"{self._metadata.num_rows:,} rows, {sum(rows):,} in its row groups"
                )
        found = opening.find_columns(called, schema, label, file.path)
        self._called = dict(zip(found.types.names, called.names, strict=True))
        self.names, self.left_out, self.types = found.names, found.left_out, found.types_read
        texts = [field.name for field in schema if types.can_be_coded(field, schema)]
        there = set(self.names)
        self._texts = [name for name in texts if name in there]
        self.group_rows = np.array(rows, np.int64)

    def read(self, groups: Sequence[int], names: Sequence[str], coded: bool) -> pa.Table:
        """Whole row groups, one after the other.

        Args:
            coded: whether texts are to be codes of distinct ones.

        Raises:
            SamplingError: a row group is damaged.
        """
        texts = self._texts if coded else []
        try:
            return self._read(groups, names, texts, "")
        except SamplingError:
            for group in groups:  # which one is it?
                self._read_columns(group, names, texts)
            raise

    def stream(self, group: int, names: Sequence[str], batch_rows: int) -> Iterator[pa.Table]:
        """A row group, some rows at a time.

        Raises:
            SamplingError: it is damaged.
        """
        with self._open(f", row group {group}", piecewise=True) as opened:
            called = [self._called[name] for name in names]
            for batch in opened.iter_batches(batch_rows, [group], called):
                yield pa.Table.from_batches([batch]).select(called).rename_columns(list(names))

    def row_bytes(self) -> tuple[float, float]:
        """What a row takes, by the first ones: in memory, and in the file."""
        group = int(np.argmax(self.group_rows > 0))
        with self._open(f", row group {group}", piecewise=True) as opened:
            called = [self._called[name] for name in self.names]
            batch = next(opened.iter_batches(_SAMPLED_ROWS, [group], called))
            # Not before they have been read: of wrong ones pyarrow makes the end of the process.
            leaves = _leaves(opened.schema_arrow, called)
            chunks = map(self._metadata.row_group(group).column, leaves)
            in_file = sum(chunk.total_compressed_size for chunk in chunks)
        return max(1.0, batch.nbytes / max(1, batch.num_rows)), in_file / self.group_rows[group]

    def _read(
        self, groups: Sequence[int], names: Sequence[str], texts: Sequence[str], place: str
    ) -> pa.Table:
        with self._open(place, texts=texts) as opened:
            called = [self._called[name] for name in names]
            table = opened.read_row_groups(groups, called).select(called)
            table = table.rename_columns(list(names))
            expected = int(self.group_rows[list(groups)].sum())
            if table.num_rows != expected:
                raise pa.ArrowInvalid(f"{table.num_rows:,} rows for {expected:,}")
            for name in names:
                if pa.types.is_dictionary(table.field(name).type):  # pyarrow takes any codes
                    _check_codes(table.column(name))
            return table

    def _read_columns(self, group: int, names: Sequence[str], texts: Sequence[str]) -> None:
        """Raises SamplingError if one of the columns can't be read, and names it."""
        for name in names:
            self._read([group], [name], texts, f", row group {group}, column {name!r}")

    @contextlib.contextmanager
    def _open(
        self, place: str = "", piecewise: bool = False, texts: Sequence[str] = ()
    ) -> Iterator[pq.ParquetFile]:
        """
        Args:
            place: where in the file, for the error.
            piecewise: whether to hold as little of the file as possible.
            texts: columns to be read as codes of distinct texts.

        Raises:
            SamplingError: what is read meanwhile is damaged.
        """
        told = opening.damage_told(f"{self.file.path}{place}", "Parquet", "Parquet file")
        with told, contextlib.ExitStack() as stack:
            source: Any = self.file.path
            if not files.is_local(source):
                opened = stack.enter_context(self.file.open())
                is_planned = self._metadata is not None and not piecewise
                source = opening.source(opened, self.file.size, b"" if is_planned else None)
            yield stack.enter_context(
                pq.ParquetFile(
                    source,
                    metadata=self._metadata,
                    read_dictionary=[self._called[name] for name in texts],
                    pre_buffer=not piecewise,  # it holds all that is asked for
                    buffer_size=_BUFFER_BYTES if piecewise else 0,
                    page_checksum_verification=True,
                )
            )


def _leaves(found: pa.Schema, names: Sequence[str]) -> Iterator[int]:
    """The numbers of the Parquet columns that some columns consist of."""
    leaf = 0
    for field in found:
        number = _number_of_leaves(field.type)
        if field.name in names:
            yield from range(leaf, leaf + number)
        leaf += number


def _number_of_leaves(type_: pa.DataType) -> int:
    if not pa.types.is_nested(type_) or pa.types.is_dictionary(type_):
        return 1
    return sum(_number_of_leaves(type_.field(i).type) for i in range(type_.num_fields))


def _check_codes(column: pa.ChunkedArray) -> None:
    """Raises pyarrow.ArrowInvalid if one stands for no value."""
    for chunk in column.chunks:
        codes = chunk.indices.drop_null().to_numpy()
        if len(codes) and not (codes.min() >= 0 and codes.max() < len(chunk.dictionary)):
            raise pa.ArrowInvalid("a code beyond the dictionary")
