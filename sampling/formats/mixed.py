"""Files in which the classes are mixed, told apart by their label column: blocks for each class.

Mixed files must give what files of one class give: a stream for each class, with as many rows as
an epoch needs. Each row comes once before any comes again, in an order that follows from the seed.
The stream needs memory for a bounded number of rows, and goes on from a cursor. Three ways were
considered:

- *One stream of the files, a queue for each class*. An epoch takes two rows of a rare class and a
  million of a frequent one. So either the queues grow without bound or rows are thrown away, and
  with them "each once". What is in the queues belongs to the state, too.
- *An index of all rows by class*: 8 bytes a row, and reading single rows from all over the files.
- *An index by blocks*, as here: how many rows of each class every block has. It takes one pass over
  the files, and some bytes a block. A class then has blocks of its own, namely the blocks that have
  rows of it, of which the other rows are left out when they are read. That is all a `Stream` asks
  for, so spread order, rounds, shares of workers, cursors and restoring are those of any class,
  and no more exact or less. A round has about `pool_rows` rows *of the class*, however many
  blocks that takes, and is read some blocks at a time.

What it costs: a class with n rows of which an epoch takes k reads k / n of the blocks it is in. It
leaves out the others' rows, which another class reads again when it is its turn. So a frequent
class that is downsampled reads little. A class of up to `pool_rows` rows is read but once: its rows
are kept when the files are indexed. Files that are sorted by class cost no more than files of one
class each, since most blocks have one class only.

Why does no reading serve several large classes? Each is k / n of a pass further after an epoch,
which is another part for every size. So even in a common order they soon want different blocks.
What one reads for the others would have to be kept until they come to it, or read again. Classes
stay side by side if they are of one size, or have their natural shares, which a shuffled `InputFn`
has in one pass. Several large classes of about one size, balanced, do cost a pass each in every
epoch: `tf-sampling split` is the remedy, and `describe()` tells what it saves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling.errors import SamplingError
from sampling.order import rounds

_MOST_CLASSES = 1_000  # more are no classes: an id, a date, a measurement


class MixedBlocks:
    """The files of several classes, and how many rows of each class every block has.

    Args:
        blocks: of the files, as any format has them.
        label: the column that tells classes apart.
        pool_rows: rows of a class that are kept in memory, and rows that are read at a time.

    Attributes:
        labels: in order.
        blocks_of, counts_of: by class, int64: the blocks that have rows of it, and how many each.

    Raises:
        SamplingError: the files lack the column, it has too many values, or a row can't be read.
    """

    def __init__(self, blocks: Any, label: str, pool_rows: int):
        if not blocks.has_labels:
            raise SamplingError(
                f"{blocks.role}: the files have no column {label!r}, expected it to tell classes; "
                "add it, or pass a dict of label: glob"
            )
        self.blocks, self.label, self._pool_rows = blocks, label, pool_rows
        self._rows = blocks.rows_of_blocks()
        self.labels: tuple[Any, ...] = ()
        self.blocks_of: list[np.ndarray] = []
        self.counts_of: list[np.ndarray] = []
        self._kept: dict[int, pa.Table] = {}
        self._index()

    def of_class(self, index: int, role: str) -> ClassBlocks:
        return ClassBlocks(self, index, role)

    def read(self, index: int, ids: np.ndarray, columns: Collection[str] | None = None) -> pa.Table:
        """The rows of one class in some blocks (sorted, int64 [n]), in file order.

        Args:
            columns: see `CountedBlocks.read`; the label is always there.
        """
        kept = self._kept.get(index)
        if kept is None:
            names = None if columns is None else {*columns, self.label}
            tables = [
                self._of_class(self.blocks.read(group, names), index) for group in self._groups(ids)
            ]
            return pa.concat_tables(tables)
        self.blocks.check_unchanged()
        if len(ids) == len(self.blocks_of[index]):
            return kept
        is_asked = np.isin(self.blocks_of[index], ids)
        return kept.filter(pa.array(np.repeat(is_asked, self.counts_of[index])))

    def read_by(
        self, read: Callable[[np.ndarray], pa.Table], index: int, ids: np.ndarray
    ) -> pa.Table:
        """`read`, by another way of reading the blocks of the files."""
        tables = []
        for group in self._groups(ids):
            is_of_class = self._is_of_class(self.blocks.read(group, [self.label]), index)
            tables.append(read(group).filter(is_of_class))
        return pa.concat_tables(tables)

    def locate(self, index: int, ids: np.ndarray, row: int) -> str:
        """Where a row of `read(index, ids)` stands."""
        counts = self.counts_of[index][np.searchsorted(self.blocks_of[index], ids)]
        ends = np.cumsum(counts)
        place = int(np.searchsorted(ends, row, side="right"))
        block = ids[place : place + 1]
        is_of_class = self._is_of_class(self.blocks.read(block), index)
        before = int(ends[place] - counts[place])
        return self.blocks.locate(block, int(np.flatnonzero(is_of_class)[row - before]))

    @property
    def number_of_large(self) -> int:
        """Classes that are read again and again."""
        return len(self.labels) - len(self._kept)

    def bytes_of(self, index: int) -> int:
        """Of the blocks that have rows of a class."""
        rows = self._rows[self.blocks_of[index]].sum()
        return round(self.blocks.total_bytes * float(rows / self._rows.sum()))

    def is_kept(self, index: int) -> bool:
        return index in self._kept

    def _index(self) -> None:
        """One pass: labels, rows by block and class, and the rows of small classes."""
        numbers: dict[Any, int] = {}  # by label, as they come
        blocks: list[list[np.ndarray]] = []  # by number, of each group
        counts: list[list[np.ndarray]] = []
        rows = np.zeros(0, np.int64)  # by number
        tables: dict[int, list[pa.Table]] = {}
        for ids in self._groups(np.arange(self.blocks.num_blocks)):
            table = self.blocks.read(ids)
            of_row = self._numbers(table, numbers)
            rows = np.pad(rows, (0, len(numbers) - len(rows)))
            for _ in range(len(blocks), len(numbers)):
                blocks.append([])
                counts.append([])
            # Of most classes most blocks have none, where there are many: no table of both.
            cells = of_row * len(ids) + np.repeat(np.arange(len(ids)), self._rows[ids])
            there, of_cells = np.unique(cells, return_counts=True)
            firsts = np.searchsorted(there, np.arange(len(numbers) + 1) * len(ids))
            for number in np.unique(there // len(ids)).tolist():
                own = slice(firsts[number], firsts[number + 1])
                blocks[number].append(ids[there[own] % len(ids)])
                counts[number].append(of_cells[own])
                rows[number] += of_cells[own].sum()
            self._keep(table, of_row, rows, tables)
        labels = sorted(numbers)
        order = [numbers[label] for label in labels]
        self.labels = tuple(map(_as_written, labels))
        self.blocks_of = [np.concatenate(blocks[number]) for number in order]
        self.counts_of = [np.concatenate(counts[number]) for number in order]
        self._kept = {
            index: pa.concat_tables(tables[number])
            for index, number in enumerate(order)
            if number in tables
        }

    def _numbers(self, table: pa.Table, numbers: dict[Any, int]) -> np.ndarray:
        """int64 [rows]: the class of each row; new labels get the next numbers."""
        encoded = table.column(self.label).combine_chunks().dictionary_encode()
        of_values = [numbers.setdefault(v, len(numbers)) for v in encoded.dictionary.to_pylist()]
        if len(numbers) > _MOST_CLASSES:
            raise SamplingError(
                f"{self.blocks.role}, column {self.label!r}: found more than {_MOST_CLASSES:,} "
                "different labels, expected classes; name the column of classes as the label"
            )
        return np.array(of_values, np.int64)[encoded.indices.to_numpy()]

    def _keep(
        self,
        table: pa.Table,
        of_row: np.ndarray,
        rows: np.ndarray,
        tables: dict[int, list[pa.Table]],
    ) -> None:
        """Adds the rows of small classes; a class that turns out to be a large one is left."""
        for number in np.unique(of_row).tolist():
            if rows[number] > self._pool_rows:
                tables.pop(number, None)
            else:
                of_class = table.filter(pa.array(of_row == number))
                tables.setdefault(number, []).append(of_class)

    def _of_class(self, table: pa.Table, index: int) -> pa.Table:
        return table.filter(self._is_of_class(table, index))

    def _is_of_class(self, table: pa.Table, index: int) -> Any:
        column = table.column(self.label)
        return pc.equal(column, pa.scalar(self.labels[index], column.type))

    def _groups(self, ids: np.ndarray) -> list[np.ndarray]:
        return rounds.groups(ids, self._rows[ids], self._pool_rows)


class ClassBlocks:
    """The blocks that have rows of one class, and those rows; see `MixedBlocks`."""

    has_labels = True

    def __init__(self, mixed: MixedBlocks, index: int, role: str):
        self.mixed, self._index, self.role = mixed, index, role
        self._ids = mixed.blocks_of[index]
        self.files = mixed.blocks.files
        self.order = mixed.blocks.order.of(self._ids, mixed.number_of_large)

    @property
    def num_blocks(self) -> int:
        return len(self._ids)

    @property
    def file_of(self) -> np.ndarray:
        """int64 [num_blocks]: the number of the file (in `files`) that each block is of."""
        file_of: np.ndarray = self.mixed.blocks.file_of[self._ids]
        return file_of

    @property
    def estimated_rows(self) -> float:
        """Exact: the rows have been counted."""
        return self.count()

    @property
    def total_bytes(self) -> int:
        """That are read, with the other classes' rows."""
        return self.mixed.bytes_of(self._index)

    @property
    def decoded_bytes(self) -> int:
        """Of the rows of this class in memory."""
        return round(self.mixed.blocks.decoded_bytes * self.count() / self.mixed.blocks.count())

    def check_unchanged(self) -> None:
        self.mixed.blocks.check_unchanged()

    def count(self) -> int:
        return int(self.rows_of_blocks().sum())

    def rows_of_blocks(self) -> np.ndarray:
        """int64 [num_blocks]."""
        return self.mixed.counts_of[self._index]

    def read(self, blocks: np.ndarray, columns: Collection[str] | None = None) -> pa.Table:
        return self.mixed.read(self._index, self._ids[blocks], columns)

    def read_by(self, read: Callable[[np.ndarray], pa.Table], blocks: np.ndarray) -> pa.Table:
        return self.mixed.read_by(read, self._index, self._ids[blocks])

    def locate(self, blocks: np.ndarray, row: int) -> str:
        return self.mixed.locate(self._index, self._ids[blocks], row)


def _as_written(label: Any) -> Any:
    """0.1 for the float32 that 0.1 is read as."""
    return float(str(np.float32(label))) if isinstance(label, float) else label
