"""DataFrames and pyarrow tables of one class: blocks are runs of their rows, nothing is copied."""

from __future__ import annotations

import dataclasses
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import base
from sampling.formats.base import CountedBlocks, Label
from sampling.formats.values import types
from sampling.order.block_size import IN_MEMORY, BlockSize
from sampling.schema import Schema

_CHECKED_ROWS = 64  # that a table's checksum is of, three times


@dataclasses.dataclass(frozen=True)
class InMemory(files.File):
    """What stands for a file: there is none that could change."""

    table: pa.Table = dataclasses.field(compare=False, repr=False)

    def checksum(self) -> str:
        """Of the first, middle and last rows."""
        rows, number = self.table.num_rows, min(_CHECKED_ROWS, self.table.num_rows)
        parts = [
            repr(self.table.slice(start, number).to_pydict())
            for start in (0, (rows - number) // 2, rows - number)
        ]
        return f"{zlib.crc32(''.join(parts).encode()):08x}"

    def check_unchanged(self) -> None:
        """It is what it was."""


@dataclasses.dataclass(frozen=True)
class TableSource:
    """A table, and how errors and states name it."""

    file: files.File
    table: pa.Table
    left_out: Sequence[str]

    @property
    def names(self) -> list[str]:
        return self.table.column_names

    @property
    def types(self) -> pa.Schema:
        return self.table.schema


class TableBlocks(CountedBlocks):
    """Tables in memory, of one class.

    Args:
        tables: pandas DataFrames or pyarrow tables. They are not copied: leave them as they are.
        schema: the columns; others are not looked at.
        null_values: spellings of a missing value.
        block_size: how many rows a block should have.
        label, role: see `CountedBlocks`.

    Raises:
        SamplingError: a column is missing or of another type, or there is no row.
    """

    def __init__(
        self,
        tables: Sequence[Any],
        schema: Schema,
        null_values: Sequence[str],
        block_size: BlockSize,
        label: Label,
        role: str,
    ):
        sources = [
            _source(table, schema, label, role, index if len(tables) > 1 else None)
            for index, table in enumerate(tables)
        ]
        sources = [source for source in sources if source.table.num_rows]
        if not sources:
            raise SamplingError(
                f"{role}: found no row, expected at least one; pass a table with rows"
            )
        super().__init__(sources, schema, null_values, label, role)
        row_bytes = self.total_bytes / sum(source.table.num_rows for source in sources)
        block_rows = block_size.rows(max(1.0, row_bytes), IN_MEMORY)
        cut = [base.pieces(source.table.num_rows, block_rows) for source in sources]
        rows = np.concatenate(cut)
        file_of = np.repeat(np.arange(len(sources)), [len(blocks) for blocks in cut])
        self._set_blocks(rows, file_of, np.ones(len(rows), np.int64), row_bytes)

    def _tables(self, blocks: np.ndarray, names: Sequence[str]) -> Iterator[pa.Table]:
        for run in np.split(blocks, np.flatnonzero(np.diff(blocks) > 1) + 1):
            for index in np.unique(self._file_of[run]):
                of_file = run[self._file_of[run] == index]
                start, rows = self._first_row[of_file[0]], self._rows[of_file].sum()
                table = self.files[index].table.select(base.names_in(self.files[index], names))
                yield table.slice(int(start), int(rows))


def is_table(data: Any) -> bool:
    """Whether it is a DataFrame or a pyarrow table."""
    return isinstance(data, pa.Table) or (hasattr(data, "dtypes") and hasattr(data, "columns"))


def _source(data: Any, schema: Schema, label: Label, role: str, index: int | None) -> TableSource:
    kind = "table" if isinstance(data, pa.Table) else "DataFrame"
    what = f"{role} ({kind}{'' if index is None else f' {index}'})"
    called = [str(name) for name in (data.column_names if kind == "table" else data.columns)]
    found = schema.names_of(called)
    base.check_columns(found, schema, label, what)
    times = Counter(found)
    names = [name for name in schema.names if name in times]
    if twice := [name for name in names if times[name] > 1]:
        raise SamplingError(f"{what}: {types.names_shown(twice)} is there twice; rename one")
    places = [found.index(name) for name in names]  # columns of a DataFrame may be numbers
    if kind == "table":
        table = data.select(places).rename_columns(names)
    else:
        arrays = [_from_pandas(data.iloc[:, place], what) for place in places]
        table = pa.table(arrays, names)
    types.check_types(table.schema, schema, what)
    known = set(names)
    others = tuple(name for name in found if name not in known)
    return TableSource(InMemory(what, table.nbytes, table.num_rows, table), table, others)


def _from_pandas(column: Any, what: str) -> pa.Array:
    try:
        return pa.Array.from_pandas(column)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise SamplingError(
            f"{what}, column {column.name!r}: found values of several kinds ({error}), expected "
            "one; convert the column"
        ) from None
