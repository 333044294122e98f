"""What formats have in common that know the number of rows in each of their blocks."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NoReturn, Protocol

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import packed
from sampling.formats.values import partitions, types
from sampling.formats.values.conversion import BadValueError, Conversion
from sampling.order import block_size
from sampling.order.stretches import Order
from sampling.schema import Schema

Label = int | float | str | None
HELD_BYTES = 64 * 2**20  # decoded rows that wait for their turn
MOST_AT_A_TIME = 512


class SourceFile(Protocol):
    """A file, or what stands for one."""

    @property
    def file(self) -> files.File: ...

    @property
    def names(self) -> Collection[str]:
        """Of the schema's columns that it has."""

    @property
    def left_out(self) -> Collection[str]:
        """The names of columns that the schema lacks."""


class CountedBlocks:
    """Blocks of one class, in a format whose rows are counted when it is opened.

    Subclasses call `_set_blocks` and give the rows of blocks by `_tables`.

    Attributes:
        coded: whether `read` gives strings of features as codes of distinct ones (dictionaries).
        left_out: the names of columns in the files that the schema lacks.
        partitions: the values of columns that are in the files' paths, by name, one for each file.

    Args:
        sources: the files; those without rows are left out.
        schema: their columns.
        null_values: spellings of a missing value.
        label: what the rows' label is where a file has no label column; None: the label may be
            lacking in all files or in none.
        role: what the files are, for errors.
    """

    def __init__(
        self,
        sources: Sequence[Any],
        schema: Schema,
        null_values: Sequence[str],
        label: Label,
        role: str,
    ):
        self.files, self.coded = list(sources), False
        self.schema, self.role, self._label = schema, role, label
        self.left_out = left_out(sources)
        self._convert = Conversion(schema, null_values)
        of_paths = [(s.file.path, {*s.names, *partitions.of_path(s.file.path)}) for s in sources]
        check_alike(of_paths, schema, label, role)
        self.partitions = partitions.columns([s.file.path for s in sources], schema)
        self._lock = threading.Lock()  # what is held between reads is shared by all streams

    def _set_blocks(
        self,
        rows: np.ndarray,
        file_of: np.ndarray,
        stretch_sizes: np.ndarray,
        row_bytes: float,
        most_at_a_time: int = MOST_AT_A_TIME,
    ) -> None:
        """
        Args:
            rows: int64 [blocks]: how many each block has, in file order.
            file_of: int64 [blocks]: the file that each is of.
            stretch_sizes: int64 [stretches]: how many blocks in a row are read in sequence.
            row_bytes: of a row in memory.
            most_at_a_time: how many stretches may be under way together.
        """
        self._rows, self._file_of, self.row_bytes = rows, file_of, row_bytes
        firsts = np.cumsum(rows) - rows
        is_first = np.diff(file_of, prepend=-1) > 0
        self._first_row = firsts - firsts[is_first][file_of]  # within its file
        self._stretch_of = np.repeat(np.arange(len(stretch_sizes)), stretch_sizes)
        stretch_rows = np.bincount(self._stretch_of, weights=rows)
        at_a_time = HELD_BYTES / max(1.0, float(stretch_rows.max()) * row_bytes)
        self.order = Order(stretch_sizes, int(np.clip(at_a_time, 1, most_at_a_time)))

    @property
    def num_blocks(self) -> int:
        return len(self._rows)

    @property
    def file_of(self) -> np.ndarray:
        """int64 [num_blocks]: the number of the file (in `files`) that each block is of."""
        return self._file_of

    @property
    def estimated_rows(self) -> float:
        """Exact: the rows have been counted."""
        return self.count()

    @property
    def total_bytes(self) -> int:
        """Of the files; a format that reads less of them says so."""
        return sum(source.file.size for source in self.files)

    @property
    def decoded_bytes(self) -> int:
        """Of all rows in memory."""
        return round(self.count() * self.row_bytes)

    @property
    def has_labels(self) -> bool:
        names = {*self.files[0].names, *self.partitions}
        return self._label is not None or self.schema.label in names

    def check_unchanged(self) -> None:
        """Raises SamplingError if a file is not what it was."""
        for source in self.files:
            source.file.check_unchanged()

    def count(self) -> int:
        """Rows in all files."""
        return int(self._rows.sum())

    def rows_of_blocks(self) -> np.ndarray:
        """int64 [num_blocks]: rows of each block."""
        return self._rows

    def read(
        self, blocks: np.ndarray, columns: Collection[str] | None = None, filled: bool = True
    ) -> pa.Table:
        """The rows of some blocks (sorted, int64 [n]), in file order.

        Args:
            columns: names of the schema's columns, one at least; None: all. What is not named is
                neither parsed nor checked.
            filled: whether to give defaults for what is missing, and indicators; else nulls.

        Returns:
            A table with the schema's columns; without the label where the files have none and no
            class says what it is.

        Raises:
            SamplingError: a value is not what the schema allows (file, row and column named), or a
                file has changed or is damaged.
        """
        wanted = self.schema.names if columns is None else checked_names(columns, self.schema)
        return self._joined(self._raw(blocks, wanted), wanted, blocks, filled)

    def read_both(self, blocks: np.ndarray) -> tuple[pa.Table, list[pa.Table]]:
        """What `read` gives, and the same rows as the files have them: types and missing values."""
        wanted = self.schema.names
        raw = self._raw(blocks, wanted)
        return self._joined(raw, wanted, blocks, True), raw

    def _raw(self, blocks: np.ndarray, names: Sequence[str]) -> list[pa.Table]:
        with self._lock:
            tables = list(joined(list(self._tables(blocks, names))))
        if not self.partitions:
            return tables
        of_row = np.repeat(self._file_of[blocks], self._rows[blocks])
        ends = np.cumsum([table.num_rows for table in tables])
        of_tables = np.split(of_row, ends[:-1])
        return [self._with_partitions(*each) for each in zip(tables, of_tables, strict=True)]

    def _with_partitions(self, table: pa.Table, of_row: np.ndarray) -> pa.Table:
        for name, values in self.partitions.items():
            if name not in table.column_names:
                table = table.append_column(name, values.take(pa.array(of_row)))
        return table

    def _joined(
        self, raw: Iterable[pa.Table], names: Sequence[str], blocks: np.ndarray, filled: bool
    ) -> pa.Table:
        tables, rows = [], 0
        for table in raw:
            tables.append(self._conformed(table, names, blocks, rows, filled))
            rows += table.num_rows
        if rows != self._rows[blocks].sum():
            raise SamplingError(
                f"{self.role}: found {rows:,} rows where {self._rows[blocks].sum():,} had been "
                "counted, expected as many; leave files alone while they are read, or build the "
                "input function anew"
            )
        return pa.concat_tables(tables)

    def locate(self, blocks: np.ndarray, row: int) -> str:
        """Where a row of `read(blocks)` stands: "path, row 17", rows being counted from 0."""
        ends = np.cumsum(self._rows[blocks])
        index = int(np.searchsorted(ends, row, side="right"))
        block = blocks[index]
        in_file = int(self._first_row[block] + row - (ends[index] - self._rows[block]))
        return f"{self.files[self._file_of[block]].file.path}, row {in_file:,}"

    def _tables(self, blocks: np.ndarray, names: Sequence[str]) -> Iterator[pa.Table]:
        """The rows of the blocks as the format has them, in file order.

        Args:
            names: the columns that are needed; there may be others, and is one at least.
        """
        raise NotImplementedError

    def _conformed(
        self,
        table: pa.Table,
        names: Sequence[str],
        blocks: np.ndarray,
        before: int,
        filled: bool,
    ) -> pa.Table:
        there = set(table.column_names)
        table = table.select([name for name in names if name in there])
        try:
            conformed = self._convert(table, self.coded, filled)
        except BadValueError as error:
            at = self.locate(blocks, before + error.row)
            raise SamplingError(f"{at}, column {error.column!r}: {error.problem}") from None
        label = self._label if self.schema.label in names else None
        return with_label(conformed, self.schema, label, table.num_rows)


def refuse_empty(listed: Sequence[files.File], role: str, what: str = "row") -> NoReturn:
    """Raises SamplingError, since no file has a row."""
    paths = [file.path for file in listed]
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    raise SamplingError(
        f"{role}: found no {what} in {', '.join(paths[:3])}{more}, expected at least one; "
        "fix the glob or the files"
    )


def names_in(source: SourceFile, names: Sequence[str]) -> list[str]:
    """Those of the names that a source has; one in any case, which tells how many rows it has."""
    wanted = set(names)
    return [name for name in source.names if name in wanted] or list(source.names)[:1]


def checked_names(columns: Collection[str], schema: Schema) -> tuple[str, ...]:
    """The columns that are asked for, in the schema's order.

    Raises:
        SamplingError: one is not the schema's, or there is none.
    """
    if not columns or not set(columns) <= set(schema.names):
        raise SamplingError(
            f"columns is {list(columns)!r}, expected names among {', '.join(schema.names)}; "
            "fix them"
        )
    wanted = set(columns)
    return tuple(name for name in schema.names if name in wanted)


def left_out(sources: Iterable[SourceFile]) -> tuple[str, ...]:
    """The names of columns that the schema lacks, in the order in which the files have them."""
    return tuple(dict.fromkeys(name for source in sources for name in source.left_out))


def optional_columns(schema: Schema, label: Label) -> list[str]:
    """Those that files may lack: the label; to predict from, the label and the weight."""
    optional = [schema.label] if schema.label else []
    if label is None and schema.weight:
        optional.append(schema.weight)
    return optional


def check_columns(found: Collection[str], schema: Schema, label: Label, what: str) -> None:
    """Raises SamplingError if `what` has not all columns of the schema that it must have."""
    may_lack = () if schema.label in found else optional_columns(schema, label)
    there = {*found, *may_lack}
    missing = [name for name in schema.names if name not in there]
    if missing:
        others = ", ".join(list(found)[:20]) + (", ..." if len(found) > 20 else "")
        raise SamplingError(
            f"{what}: found {others or 'no column'}, expected "
            f"{types.names_shown(missing)} too; fix the file or the schema"
        )


def check_alike(
    found: Sequence[tuple[str, Collection[str]]], schema: Schema, label: Label, role: str
) -> None:
    """All files have a label (or weight) or none has, unless the class says what it is.

    Args:
        found: path and columns of each file.

    Raises:
        SamplingError: one has not.
    """
    for name in optional_columns(schema, label):
        without = [path for path, names in found if name not in names]
        if without and label is None and len(without) < len(found):
            raise SamplingError(
                f"{without[0]} lacks the column {name!r}, which other files of {role} "
                "have; add it, or leave the file out"
            )
        field = schema.label_field if name == schema.label else schema[name]
        if without and isinstance(label, int) and field is not None and field.is_string:
            raise SamplingError(
                f"{without[0]} lacks the label {name!r}, which is {label} by the class "
                f"and of type {schema[name].type}, expected a number; "
                "add the column, or declare it INTEGER"
            )


def with_label(table: pa.Table, schema: Schema, label: Label, rows: int) -> pa.Table:
    """A table of so many rows with its class's label, if it has none of its own."""
    field = schema.label_field
    if field is None or label is None or field.name in table.column_names:
        return table
    values = pa.repeat(pa.scalar(label, types.arrow_type(field)), rows)
    with_it = {**{name: table[name] for name in table.column_names}, field.name: values}
    order = [each.name for each in schema.table_fields if each.name in with_it]
    return pa.table({name: with_it[name] for name in order})


def joined(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Tables one after the other, those in a row that have the same columns as one."""
    for _, alike in itertools.groupby(tables, key=lambda table: table.schema):
        yield pa.concat_tables(alike)


def is_in_sequence(listed: Iterable[files.File]) -> bool:
    """Whether files are read one read after the other: local ones, whose reads are cheap, and
    packed ones, where several in flight would be in each other's way."""
    return all(files.is_local(file.path) or isinstance(file, packed.Packed) for file in listed)


def open_held(
    file: files.File, held_open: files.HeldOpen
) -> contextlib.AbstractContextManager[Any]:
    """A file for one read among many: of local ones, the latest stay open."""
    if isinstance(file, packed.Packed) or not files.is_local(file.path):
        return file.open()
    return contextlib.nullcontext(held_open(file.path))


def read_bytes(listed: Iterable[files.File]) -> int:
    """How many bytes of some files are worth a read of their own."""
    are_local = all(files.is_local(file.path) for file in listed)
    return block_size.LOCAL if are_local else block_size.REMOTE


def pieces(rows: int, block_rows: int) -> np.ndarray:
    """int64 [blocks]: so many rows in pieces of about `block_rows`, equal give or take one."""
    number = max(1, round(rows / block_rows))
    return np.diff(np.arange(number + 1) * rows // number)
