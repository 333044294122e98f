"""All columns of some rows in one pass."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from sampling.schema.inferring.sketch import ColumnSketch
from sampling.schema.statistics import ColumnStatistics

_FEW = 4096  # rows, for which threads are no gain


class TableSketch:
    """What the columns of some rows hold.

    Sketches of chunks that are merged in the order of the rows give the same, wherever each was
    made.

    Attributes:
        rows: how many there are.
        columns: in the order in which they were found. A column that a table lacks is missing in
            its rows.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.columns: dict[str, ColumnSketch] = {}

    @classmethod
    def of(
        cls, table: pa.Table, null_values: Collection[str] = (), decimal: str = "."
    ) -> TableSketch:
        """That of one chunk.

        Args:
            table: its rows.
            null_values, decimal: how missing values and numbers are written, where they are text.
        """
        made = cls()
        made.rows = table.num_rows

        def sketch(column: pa.ChunkedArray) -> ColumnSketch:
            return ColumnSketch.of(column, null_values, decimal)

        if table.num_rows < _FEW:
            made.columns = dict(zip(table.column_names, map(sketch, table.columns), strict=True))
            return made
        with ThreadPoolExecutor(pa.cpu_count()) as threads:
            sketches = threads.map(sketch, table.columns)
            made.columns = dict(zip(table.column_names, sketches, strict=True))
        return made

    def merge(self, other: TableSketch) -> None:
        """Adds the rows of another one, which come after these."""
        for name, column in other.columns.items():
            if name not in self.columns:
                self.columns[name] = ColumnSketch(self.rows, self.rows)
            self.columns[name].merge(column)
        self.rows += other.rows
        for name in self.columns.keys() - other.columns.keys():
            self.columns[name].merge(ColumnSketch(other.rows, other.rows))

    def statistics(self) -> dict[str, ColumnStatistics]:
        """Of each column."""
        return {name: column.statistics() for name, column in self.columns.items()}


def of_tables(
    tables: Iterable[pa.Table], null_values: Collection[str] = ()
) -> Mapping[str, ColumnStatistics]:
    """Statistics of each column of tables, one after the other, in bounded memory."""
    sketch = TableSketch()
    for table in tables:
        sketch.merge(TableSketch.of(table, null_values))
    return sketch.statistics()
