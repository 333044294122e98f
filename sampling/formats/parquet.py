"""Parquet files of one class: row groups, or pieces of them, are blocks."""

from __future__ import annotations

import collections
import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import base, conversion
from sampling.formats.base import HELD_BYTES, CountedBlocks, Label
from sampling.schema import Schema

_SAMPLED_FILES, _SAMPLED_ROWS = 8, 1_000  # enough to know what a row takes in memory
_BUFFER_BYTES = 2**20


class ParquetFile:
    """A listed file, looked into: its columns, its row groups, not its rows.

    Args:
        file: as listed.
        schema: what columns it should have; others are not read.
        label: see `CountedBlocks`.

    Attributes:
        types: of the columns that are read.

    Raises:
        SamplingError: it is no Parquet file, or lacks a column, or has one of another type.
    """

    def __init__(self, file: files.File, schema: Schema, label: Label):
        self.file = file
        self._metadata: Any = None
        with self.open() as opened:
            self._metadata = opened.metadata
            types = opened.schema_arrow
        base.check_columns(types.names, schema, label, file.path)
        conversion.check_types(types, schema, file.path)
        self.names = [name for name in schema.names if name in types.names]
        self.types = pa.schema([types.field(name) for name in self.names])
        texts = [field.name for field in schema if conversion.can_be_coded(field, schema)]
        self._texts = [name for name in texts if name in types.names]
        groups = [self._metadata.row_group(i) for i in range(self._metadata.num_row_groups)]
        self.group_rows = np.array([group.num_rows for group in groups], np.int64)
        self.group_bytes = np.array([self._bytes(group) for group in groups], np.int64)

    @contextlib.contextmanager
    def open(
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
        with contextlib.ExitStack() as stack:
            try:
                source: Any = self.file.path
                if not files.is_local(source):
                    source = stack.enter_context(files.open_binary(source))
                    source = pa.PythonFile(Readable(source, self.file.size), "r")
                yield stack.enter_context(
                    pq.ParquetFile(
                        source,
                        metadata=self._metadata,
                        read_dictionary=list(texts),
                        pre_buffer=not piecewise,  # it holds all that is asked for
                        buffer_size=_BUFFER_BYTES if piecewise else 0,
                        page_checksum_verification=True,
                    )
                )
            except (FileNotFoundError, PermissionError):
                raise
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
                raise SamplingError(
                    f"{self.file.path}{place}: found what Parquet can't be read from "
                    f"({_first_line(error)}), expected a whole Parquet file; copy or write it anew"
                ) from None

    def read(self, groups: list[int], coded: bool) -> pa.Table:
        """Whole row groups, one after the other."""
        try:
            with self.open(texts=self._texts if coded else []) as opened:
                return opened.read_row_groups(groups, columns=self.names)
        except ValueError:
            for group in groups:  # which one is it?
                with self.open(f", row group {group}") as opened:
                    opened.read_row_group(group, columns=self.names)
            raise

    def sample_row_bytes(self) -> float:
        """What a row takes in memory, by the first ones."""
        with self.open(piecewise=True) as opened:
            batch = next(opened.iter_batches(_SAMPLED_ROWS, columns=self.names))
        return max(1.0, batch.nbytes / max(1, batch.num_rows))

    def _bytes(self, group: Any) -> int:
        """Of the columns that are read."""
        chunks = (group.column(i) for i in range(group.num_columns))
        return sum(
            chunk.total_compressed_size
            for chunk in chunks
            if chunk.path_in_schema.split(".")[0] in self.names
        )


class ParquetBlocks(CountedBlocks):
    """The Parquet files of one class.

    A row group is decoded as a whole and handed out in pieces, as far as several fit 64 MiB; a
    larger one is decoded piece by piece, from its beginning.

    Args:
        listed: the files.
        schema: the columns that are read.
        block_rows: about how many rows a block should have.
        label, role: see `CountedBlocks`.

    Raises:
        SamplingError: a file does not fit the schema, or there is no row.
    """

    def __init__(
        self,
        listed: Sequence[files.File],
        schema: Schema,
        block_rows: int,
        label: Label,
        role: str,
    ):
        opened = [ParquetFile(file, schema, label) for file in listed]
        opened = [file for file in opened if file.group_rows.sum()]
        if not opened:
            raise SamplingError(
                f"{role}: found no row in {listed[0].path}"
                f"{f' and {len(listed) - 1} more' if len(listed) > 1 else ''}, "
                "expected at least one; fix the glob or the files"
            )
        super().__init__(opened, schema, label, role)
        sampled = opened[:: 1 + len(opened) // _SAMPLED_FILES]
        row_bytes = sum(file.sample_row_bytes() for file in sampled) / len(sampled)
        groups = [
            (index, group)
            for index, file in enumerate(opened)
            for group in np.flatnonzero(file.group_rows)
        ]
        cut = [base.pieces(int(opened[f].group_rows[g]), block_rows) for f, g in groups]
        sizes = np.array([len(blocks) for blocks in cut])
        self._group_of = np.array([group for _, group in groups])  # by stretch
        self._first_block = np.cumsum(sizes) - sizes
        self._sizes = sizes
        self._stretch_rows = np.array([opened[f].group_rows[g] for f, g in groups])
        file_of = np.repeat([index for index, _ in groups], sizes)
        self._set_blocks(np.concatenate(cut), file_of, sizes, row_bytes)
        self._held: collections.OrderedDict[int, pa.Table] = collections.OrderedDict()
        self._held_rows = 0
        self._streamed: _Streamed | None = None

    @property
    def total_bytes(self) -> int:
        """Of the columns that are read, compressed."""
        return sum(int(file.group_bytes.sum()) for file in self.files)

    def _tables(self, blocks: np.ndarray) -> Iterator[pa.Table]:
        stretches = self._stretch_of[blocks]
        for index in np.unique(self._file_of[blocks]):
            file: ParquetFile = self.files[index]
            file.file.check_unchanged()
            of_file = blocks[self._file_of[blocks] == index]
            for batch in self._batches(np.unique(self._stretch_of[of_file])):
                whole = self._decoded(file, [s for s in batch if not self._is_large(s)])
                for stretch in batch:
                    pieces = blocks[stretches == stretch]
                    yield from self._pieces(file, stretch, pieces, whole.get(stretch))

    def _batches(self, stretches: np.ndarray) -> Iterator[list[int]]:
        """Row groups that are decoded together: as many as fit."""
        rows = self._stretch_rows[stretches]
        parts = (np.cumsum(rows) * self.row_bytes // HELD_BYTES).astype(np.int64)
        for part in np.unique(parts):
            yield stretches[parts == part].tolist()

    def _decoded(self, file: ParquetFile, stretches: list[int]) -> dict[int, pa.Table]:
        """Whole row groups, those that are held and the others."""
        tables = {s: self._held[s] for s in stretches if s in self._held}
        if missing := [s for s in stretches if s not in tables]:
            groups = [int(self._group_of[s]) for s in missing]
            read = file.read(groups, self.coded)
            ends = np.cumsum(file.group_rows[groups])
            for stretch, end, rows in zip(missing, ends, file.group_rows[groups], strict=True):
                tables[stretch] = read.slice(int(end - rows), int(rows))
        return tables

    def _pieces(
        self, file: ParquetFile, stretch: int, blocks: np.ndarray, whole: pa.Table | None
    ) -> Iterator[pa.Table]:
        """Some blocks of a row group."""
        if whole is not None and len(blocks) == self._sizes[stretch]:
            yield whole
            return
        firsts = self._first_row[blocks] - self._first_row[self._first_block[stretch]]
        for first, rows in zip(firsts.tolist(), self._rows[blocks].tolist(), strict=True):
            if whole is not None:
                yield whole.slice(first, rows)
            else:
                yield self._stream(file, stretch, first, rows)
        if whole is not None:
            self._hold(stretch, whole)

    def _hold(self, stretch: int, table: pa.Table) -> None:
        """The next piece is asked for soon; the longest unused ones make room."""
        if self._held.pop(stretch, None) is None:
            self._held_rows += table.num_rows
        self._held[stretch] = table
        while self._held_rows * self.row_bytes > HELD_BYTES:
            self._held_rows -= self._held.popitem(last=False)[1].num_rows

    def _stream(self, file: ParquetFile, stretch: int, first: int, rows: int) -> pa.Table:
        """Rows of a large row group: from where the last ones ended, or from its beginning."""
        streamed = self._streamed
        if streamed is None or streamed.stretch != stretch or streamed.row > first:
            if streamed is not None:
                streamed.close()
            group = int(self._group_of[stretch])
            streamed = self._streamed = _Streamed(file, stretch, group, int(self._rows.max()))
        return streamed.rows(first, rows)

    def _is_large(self, stretch: int) -> bool:
        return bool(self._stretch_rows[stretch] * self.row_bytes > HELD_BYTES)


class _Streamed:
    """A row group under way."""

    def __init__(self, file: ParquetFile, stretch: int, group: int, batch_rows: int):
        self.stretch, self.row = stretch, 0
        self._batches = self._read(file, group, batch_rows)
        self._over = pa.table({})  # what is left of the last batch

    def rows(self, first: int, rows: int) -> pa.Table:
        """The rows [first, first + rows), not before those that were taken."""
        taken = []
        while self.row < first + rows:
            batch = self._over if self._over.num_rows else next(self._batches)
            used = min(batch.num_rows, (first if self.row < first else first + rows) - self.row)
            if self.row >= first:
                taken.append(batch.slice(0, used))
            self._over = batch.slice(used)
            self.row += used
        return pa.concat_tables(taken)

    def close(self) -> None:
        self._batches.close()

    def _read(self, file: ParquetFile, group: int, batch_rows: int) -> Any:
        with file.open(f", row group {group}", piecewise=True) as opened:
            for batch in opened.iter_batches(batch_rows, row_groups=[group], columns=file.names):
                yield pa.Table.from_batches([batch])


class Readable(io.RawIOBase):
    """What `tf.io.gfile` opens, with all that pyarrow asks of a file."""

    def __init__(self, opened: BinaryIO, size: int):
        self._opened, self._size = opened, size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._opened.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._size}[whence]
        self._opened.seek(begin + offset)
        return begin + offset

    def read(self, size: int = -1) -> bytes:
        return self._opened.read(size if size >= 0 else self._size - self.tell())


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
