"""Files of row groups (Parquet) or record batches (Arrow): these are blocks, or pieces of them."""

from __future__ import annotations

import collections
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.formats import base
from sampling.formats.base import HELD_BYTES, CountedBlocks, Label
from sampling.order.block_size import BlockSize
from sampling.schema import Schema

_SAMPLED_FILES = 8  # enough to know what a row takes


class GroupedFile(Protocol):
    """A file, looked into: its columns, the rows of its groups."""

    @property
    def file(self) -> files.File: ...

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def left_out(self) -> Collection[str]: ...

    @property
    def group_rows(self) -> np.ndarray:
        """int64 [groups]"""

    def read(self, groups: Sequence[int], names: Sequence[str], coded: bool) -> pa.Table:
        """Whole groups, one after the other, checked."""

    def stream(self, group: int, names: Sequence[str], batch_rows: int) -> Any:
        """A generator of tables: a group, some rows at a time, checked."""

    def row_bytes(self) -> tuple[float, float]:
        """What a row takes: in memory, and in the file, of the columns that are read."""


class GroupedBlocks(CountedBlocks):
    """The Parquet or Arrow files of one class.

    Neighbouring small groups are one block together. A large one is decoded as a whole and handed
    out in pieces, as far as several fit 64 MiB. A larger one is decoded piece by piece, from its
    beginning.

    Args:
        opened: the files.
        schema: the columns that are read.
        null_values: spellings of a missing value.
        block_size: how many rows a block should have.
        label, role: see `CountedBlocks`.

    Raises:
        SamplingError: there is no row.
    """

    def __init__(
        self,
        opened: Sequence[GroupedFile],
        schema: Schema,
        null_values: Sequence[str],
        block_size: BlockSize,
        label: Label,
        role: str,
    ):
        filled = [file for file in opened if file.group_rows.sum()]
        if not filled:
            base.refuse_empty([file.file for file in opened], role)
        super().__init__(filled, schema, null_values, label, role)
        sampled = filled[:: 1 + len(filled) // _SAMPLED_FILES]
        in_memory, in_files = zip(*(file.row_bytes() for file in sampled), strict=True)
        row_bytes, self._row_bytes_in_files = (sum(s) / len(s) for s in (in_memory, in_files))
        read_bytes = base.read_bytes([file.file for file in filled])
        together = min(block_size.rows(row_bytes, read_bytes), int(HELD_BYTES / row_bytes))
        stretches = [
            (index, groups)
            for index, file in enumerate(filled)
            for groups in _together(file.group_rows, together)
        ]
        self._groups_of = [groups for _, groups in stretches]  # by stretch
        rows = [int(filled[index].group_rows[groups].sum()) for index, groups in stretches]
        cut = [base.pieces(each, block_size.most(row_bytes)) for each in rows]
        sizes = np.array([len(blocks) for blocks in cut])
        self._first_block = np.cumsum(sizes) - sizes
        self._sizes = sizes
        self._stretch_rows = np.array(rows)
        file_of = np.repeat([index for index, _ in stretches], sizes)
        self._set_blocks(np.concatenate(cut), file_of, sizes, row_bytes)
        # In a bucket neighbours are one request, and several requests in flight, if all that they
        # fetch may be held.
        self._together_bytes = HELD_BYTES
        self._in_flight = not base.is_in_sequence([file.file for file in filled])
        if self._in_flight:
            self._together_bytes //= files.IN_FLIGHT
            self._in_flight = max(rows) * row_bytes <= self._together_bytes
        self._held: collections.OrderedDict[int, pa.Table] = collections.OrderedDict()
        self._held_rows, self._held_names = 0, tuple[str, ...]()
        self._streamed: _Streamed | None = None

    @property
    def total_bytes(self) -> int:
        """Of the columns that are read, as they are in the files."""
        return round(self.count() * self._row_bytes_in_files)

    def _tables(self, blocks: np.ndarray, names: Sequence[str]) -> Iterator[pa.Table]:
        self._hold_only(tuple(names))
        stretches = self._stretch_of[blocks]
        decoded = files.ahead(
            lambda batch: self._decoded(*batch, names), self._batches(blocks), not self._in_flight
        )
        for file, batch, whole in decoded:
            in_file = base.names_in(file, names)
            for stretch in batch:
                pieces = blocks[stretches == stretch]
                yield from self._pieces(file, stretch, pieces, whole.get(stretch), in_file)

    def _batches(self, blocks: np.ndarray) -> Iterator[tuple[GroupedFile, list[int]]]:
        """Groups of a file that are decoded together: as many as fit, or one request in flight."""
        for index in np.unique(self._file_of[blocks]):
            file: GroupedFile = self.files[index]
            file.file.check_unchanged()
            stretches = np.unique(self._stretch_of[blocks[self._file_of[blocks] == index]])
            rows = self._stretch_rows[stretches]
            parts = (np.cumsum(rows) * self.row_bytes // self._together_bytes).astype(np.int64)
            if self._in_flight:
                parts += np.cumsum(np.diff(stretches, prepend=stretches[0]) > 1)
            for part in np.split(stretches, np.flatnonzero(np.diff(parts)) + 1):
                yield file, part.tolist()

    def _decoded(
        self, file: GroupedFile, batch: list[int], names: Sequence[str]
    ) -> tuple[GroupedFile, list[int], dict[int, pa.Table]]:
        """Whole groups, those that are held and the others; without those that are too large."""
        stretches, names = [s for s in batch if not self._is_large(s)], base.names_in(file, names)
        found = {s: self._held.get(s) for s in stretches}
        tables = {s: table for s, table in found.items() if table is not None}
        if missing := [s for s in stretches if s not in tables]:
            groups = np.concatenate([self._groups_of[s] for s in missing]).tolist()
            read = file.read(groups, names, self.coded)
            sizes = self._stretch_rows[missing]
            for stretch, end, rows in zip(missing, np.cumsum(sizes), sizes, strict=True):
                tables[stretch] = read.slice(int(end - rows), int(rows))
        return file, batch, tables

    def _pieces(
        self,
        file: GroupedFile,
        stretch: int,
        blocks: np.ndarray,
        whole: pa.Table | None,
        names: Sequence[str],
    ) -> Iterator[pa.Table]:
        """Some blocks of a group."""
        if whole is not None and len(blocks) == self._sizes[stretch]:
            yield whole
            return
        firsts = self._first_row[blocks] - self._first_row[self._first_block[stretch]]
        for first, rows in zip(firsts.tolist(), self._rows[blocks].tolist(), strict=True):
            if whole is not None:
                yield whole.slice(first, rows)
            else:
                yield self._stream(file, stretch, names, first, rows)
        if whole is not None:
            self._hold(stretch, whole)

    def _hold_only(self, names: tuple[str, ...]) -> None:
        """What was decoded of other columns is of no use."""
        if names == self._held_names:
            return
        self._held.clear()
        self._held_rows, self._held_names = 0, names
        if self._streamed is not None:
            self._streamed.close()
        self._streamed = None

    def _hold(self, stretch: int, table: pa.Table) -> None:
        """The next piece is asked for soon; the longest unused ones make room."""
        if self._held.pop(stretch, None) is None:
            self._held_rows += table.num_rows
        self._held[stretch] = table
        while self._held_rows * self.row_bytes > HELD_BYTES:
            self._held_rows -= self._held.popitem(last=False)[1].num_rows

    def _stream(
        self, file: GroupedFile, stretch: int, names: Sequence[str], first: int, rows: int
    ) -> pa.Table:
        """Rows of a large group: from where the last ones ended, or from its beginning."""
        streamed = self._streamed
        if streamed is None or streamed.stretch != stretch or streamed.row > first:
            if streamed is not None:
                streamed.close()
            [group] = self._groups_of[stretch].tolist()  # what is large is alone
            batch_rows = int(self._rows.max())
            tables = file.stream(group, names, batch_rows)
            streamed = self._streamed = _Streamed(tables, stretch)
        return streamed.rows(first, rows)

    def _is_large(self, stretch: int) -> bool:
        return bool(self._stretch_rows[stretch] * self.row_bytes > HELD_BYTES)


def _together(group_rows: np.ndarray, rows: int) -> Iterator[np.ndarray]:
    """The groups of a file that have rows, neighbours together as long as they have so many.

    Args:
        group_rows: int64 [groups].
    """
    filled = np.flatnonzero(group_rows)
    waiting: list[int] = []
    held = 0
    for group, size in zip(filled.tolist(), group_rows[filled].tolist(), strict=True):
        if waiting and held + size > rows:
            yield np.array(waiting)
            waiting, held = [], 0
        waiting.append(group)
        held += size
    if waiting:
        yield np.array(waiting)


class _Streamed:
    """A group under way."""

    def __init__(self, tables: Any, stretch: int):
        self.stretch, self.row = stretch, 0
        self._tables = tables
        self._over = pa.table({})  # what is left of the last table

    def rows(self, first: int, rows: int) -> pa.Table:
        """The rows [first, first + rows), not before those that were taken; fewer at the end."""
        taken = []
        while self.row < first + rows:
            table = self._over if self._over.num_rows else next(self._tables, None)
            if table is None:
                break
            used = min(table.num_rows, (first if self.row < first else first + rows) - self.row)
            if self.row >= first:
                taken.append(table.slice(0, used))
            self._over = table.slice(used)
            self.row += used
        return pa.concat_tables(taken)

    def close(self) -> None:
        self._tables.close()
