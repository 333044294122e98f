"""CSV files of one class: cut into blocks, read by blocks, counted."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.formats import base, conversion, gzipped
from sampling.formats.csv import explanation, lines, parsing, scanning
from sampling.formats.csv.csv_file import CsvFile
from sampling.formats.csv.parsing import CsvOptions
from sampling.order.stretches import Order
from sampling.schema import Schema

_PARSE_BYTES = 2**20  # what one thread parses at a time
_HELD_OPEN = 128  # files
_SAMPLED_FILES = 64  # enough to know how long rows are


class CsvBlocks:
    """The CSV files of one class.

    Args:
        listed: the files.
        schema: their columns.
        options: how they are written.
        block_rows: about how many rows a block should have.
        label: what the rows' label is where a file has no label column; None: the label may be
            lacking in all files or in none.
        role: what the files are, for errors.

    Raises:
        SamplingError: a file does not fit the schema, or there is no row.
    """

    def __init__(
        self,
        listed: Sequence[files.File],
        schema: Schema,
        options: CsvOptions,
        block_rows: int,
        label: base.Label,
        role: str,
    ):
        self.schema, self.options, self.role, self._label = schema, options, role, label
        if wide := [field.name for field in schema if field.is_list]:
            raise SamplingError(
                f"{role}: {conversion.names_shown(wide)} of the schema hold lists, which text "
                "files do not; give each value a column of its own, or write Parquet or TFRecord"
            )
        optional = base.optional_columns(schema, label)
        layouts: dict[bytes, tuple[str, ...]] = {}
        self._held_open = functools.lru_cache(_HELD_OPEN)(files.LocalBytes)
        # What is packed is read in sequence: several reads in flight would be in each other's way.
        self._is_local = all(
            files.is_local(file.path) or isinstance(file, gzipped.Gzipped) for file in listed
        )
        parsed = files.ahead(
            lambda file: CsvFile(file, schema, options, optional, layouts), listed, self._is_local
        )
        self.files = [file for file in parsed if file.body_bytes > 0]
        found = [(file.file.path, file.layout) for file in self.files]
        base.check_alike(found, schema, label, role)
        self.total_bytes = sum(file.body_bytes for file in self.files)
        self._counted: int | None = None
        self._counted_blocks: np.ndarray | None = None
        sampled = self.files[:: 1 + len(self.files) // _SAMPLED_FILES]
        samples = list(files.ahead(CsvFile.sample, sampled, self._is_local))
        sampled_bytes = sum(length for length, _ in samples)
        sampled_rows = sum(rows for _, rows in samples)
        if sampled_rows == 0 and self.count() == 0:
            raise SamplingError(
                f"{role}: found no row in {_names(listed)}, expected at least one; "
                "fix the glob or the files"
            )
        self.row_bytes = sampled_bytes / max(1, sampled_rows)
        self._cut(max(1, round(block_rows * self.row_bytes)))
        # As it is now for good: the order of rows depends on it, and must not on who has counted.
        self._estimated_rows = self._counted or self.total_bytes / self.row_bytes

    @property
    def num_blocks(self) -> int:
        return len(self._starts)

    @property
    def decoded_bytes(self) -> int:
        """Of all rows in memory: about what their text takes."""
        return self.total_bytes

    @property
    def file_of(self) -> np.ndarray:
        """int64 [num_blocks]: the number of the file (in `files`) that each block is of."""
        return self._file_of

    @property
    def estimated_rows(self) -> float:
        """Rows by the length of the first ones; exact where they are counted from the start."""
        return self._estimated_rows

    @property
    def has_labels(self) -> bool:
        return self._label is not None or self.schema.label in self.files[0].layout

    def check_unchanged(self) -> None:
        """Raises SamplingError if a file is not what it was."""
        for file in self.files:
            file.file.check_unchanged()

    def count(self) -> int:
        """Rows in all files, by a manifest or by counting newlines at memory speed, once.

        Raises:
            SamplingError: a file has changed.
        """
        if self._counted is None:
            known = manifest.Counts()
            self._counted = sum(
                files.ahead(lambda file: self._count_file(file, known), self.files, self._is_local)
            )
        return self._counted

    def rows_of_blocks(self) -> np.ndarray:
        """int64 [num_blocks]: rows of each block, counted once.

        Raises:
            SamplingError: a file has changed.
        """
        if self._counted_blocks is None:
            counts = [count for index in range(len(self.files)) for count in self._in_blocks(index)]
            self._counted_blocks = np.array(counts, np.int64)
        return self._counted_blocks

    def read(self, blocks: np.ndarray) -> pa.Table:
        """The rows of some blocks (sorted, int64 [n]), in file order.

        Returns:
            A table with the schema's columns; without the label where the files have none and no
            class says what it is.

        Raises:
            SamplingError: a row can't be read (file, line and column named), or a file has changed.
        """
        with self._explaining(blocks):
            return self._finished(self._parsed(blocks, self._pieces(blocks)))

    def read_both(self, blocks: np.ndarray) -> tuple[pa.Table, list[pa.Table]]:
        """What `read` gives, and the same rows as the files have them: null where a field is blank,
        and numbers with all digits that float64 has."""
        with self._explaining(blocks):
            parsed = list(self._parsed(blocks, self._pieces(blocks), pa.float64()))
            return self._finished(parsed), parsed

    def read_with_lines(
        self, blocks: np.ndarray, names: Sequence[str]
    ) -> tuple[pa.Table, pa.Table]:
        """What `read` gives, and the lines it was read from, see `lines.as_table`.

        Args:
            names: the columns that lines have, in order; lines of other files are rearranged.
        """
        pieces = list(self._pieces(blocks))
        with self._explaining(blocks):
            table = self._finished(self._parsed(blocks, pieces))
        return table, lines.as_table([self._lines(*piece, names) for piece in pieces], names)

    def _lines(self, layout: Sequence[str], text: bytes, names: Sequence[str]) -> pa.Array:
        if list(layout) == list(names):
            return lines.of_text(text, self.options.newlines_in_values)
        return lines.rearranged(text, layout, names, self.options)

    @contextlib.contextmanager
    def _explaining(self, blocks: np.ndarray) -> Iterator[None]:
        try:
            yield
        except parsing.BadTextError as error:
            raise SamplingError(self._explain(blocks, error)) from None

    def _parsed(
        self,
        blocks: np.ndarray,
        pieces: Iterable[tuple[tuple[str, ...], bytes]],
        floats: pa.DataType = parsing.FLOAT,
    ) -> Iterator[pa.Table]:
        def parse(piece: tuple[tuple[str, ...], bytes]) -> pa.Table:
            layout, text = piece
            return parsing.parse(text, layout, self.schema, self.options, floats)

        if (self._ends[blocks] - self._starts[blocks]).sum() < _PARSE_BYTES:
            yield from map(parse, pieces)
            return
        with ThreadPoolExecutor(pa.cpu_count()) as threads:  # the next is read while they parse
            yield from threads.map(parse, pieces)

    def locate(self, blocks: np.ndarray, row: int) -> str:
        """Where a row of `read(blocks)` stands: "path, line 17"."""
        quoted = self.options.newlines_in_values
        for block in blocks:
            text = self._block_text(block)
            rows = scanning.count_rows(text, quoted)
            if row < rows:
                records = scanning.numbered_records(text, quoted)
                line, _ = next(itertools.islice(records, row, None))
                return self._place(block, line)
            row -= rows
        raise IndexError("no such row in these blocks")

    def _finished(self, parsed: Iterable[pa.Table]) -> pa.Table:
        """One table, looked through as a whole: every call for a piece alone would cost."""
        finished = (parsing.finish(table, self.schema) for table in base.joined(parsed))
        return pa.concat_tables(
            base.with_label(table, self.schema, self._label) for table in finished
        )

    def _pieces(self, blocks: np.ndarray) -> Iterator[tuple[tuple[str, ...], bytes]]:
        """(layout, whole lines), each of a length to be parsed at once."""
        for layout, texts in itertools.groupby(self._texts(blocks), lambda text: text[0].layout):
            joined, length = [], 0
            for _, text in texts:
                joined.append(text)
                length += len(text)
                if length >= _PARSE_BYTES:
                    yield layout, b"".join(joined)
                    joined, length = [], 0
            yield layout, b"".join(joined)

    def _texts(self, blocks: np.ndarray) -> Iterator[tuple[CsvFile, memoryview]]:
        """The whole lines of the blocks, neighbours in one."""
        return files.ahead(self._text, self._runs(blocks), self._is_local)

    def _runs(self, blocks: np.ndarray) -> Iterator[tuple[CsvFile, int, int]]:
        """(file, first block, last block) of neighbours, for a read each."""
        file_of, pieces = self._file_of[blocks], self._starts[blocks] // _PARSE_BYTES
        apart = (np.diff(blocks) > 1) | (np.diff(file_of) != 0) | (np.diff(pieces) != 0)
        ends = np.append(np.flatnonzero(apart), len(blocks) - 1)
        runs = file_of[ends], blocks[np.append(0, ends[:-1] + 1)], blocks[ends]
        for index, first, last in zip(*(each.tolist() for each in runs), strict=True):
            yield self.files[index], first, last

    def _text(self, run: tuple[CsvFile, int, int]) -> tuple[CsvFile, memoryview]:
        file, first, last = run
        file.file.check_unchanged()
        with self._open(file.file) as opened:
            return file, self._run_text(opened, file, first, last)

    def _open(self, file: files.File) -> contextlib.AbstractContextManager[Any]:
        """A round's blocks are of many files, and the next round's again: the latest stay open."""
        if isinstance(file, gzipped.Gzipped) or not files.is_local(file.path):
            return file.open()
        return contextlib.nullcontext(self._held_open(file.path))

    def _run_text(self, opened: Any, file: CsvFile, first: int, last: int) -> memoryview:
        start, end = int(self._starts[first]), int(self._ends[last])
        if self.options.newlines_in_values:  # cut at records, not just anywhere
            data = memoryview(files.read_range(opened, start, end))
        else:
            slack = int(4 * self.row_bytes)
            data = scanning.read_lines(opened, file.begin, start, end, file.file.size, slack)
        is_whole = not data or data[-1:] == b"\n"
        return data if is_whole else memoryview(bytes(data) + b"\n")

    def _block_text(self, block: int) -> bytes:
        [(_, text)] = self._texts(np.array([block]))
        return bytes(text)

    def _cut(self, block_bytes: int) -> None:
        """Blocks: equal byte ranges of each file, or cuts at records where lines are not rows."""
        starts, ends, file_of, rows = [], [], [], 0
        for index, file in enumerate(self.files):
            cuts: Any
            if self.options.newlines_in_values:
                cuts, file_rows = self._cut_quoted(file, block_bytes)
                rows += file_rows
            else:
                number = max(1, round(file.body_bytes / block_bytes))
                cuts = file.begin + np.arange(number) * (file.body_bytes / number)
            starts.append(np.asarray(cuts).astype(np.int64))
            ends.append(np.append(starts[-1][1:], file.file.size))
            file_of.append(np.full(len(starts[-1]), index))
        self._starts, self._ends = np.concatenate(starts), np.concatenate(ends)
        self._file_of = np.concatenate(file_of)
        self.order = Order(self._stretch_sizes(), gzipped.MOST_POINTS)
        if self.options.newlines_in_values:
            self._counted = rows

    def _stretch_sizes(self) -> np.ndarray:
        starts = [self._starts[self._file_of == index] for index in range(len(self.files))]
        return np.concatenate(
            [
                gzipped.stretch_sizes(file.file, of_file)
                for file, of_file in zip(self.files, starts, strict=True)
            ]
        )

    def _cut_quoted(self, file: CsvFile, block_bytes: int) -> tuple[list[int], int]:
        span = file.begin, file.file.size
        with file.file.open() as opened:
            try:
                return scanning.cut_quoted(opened, *span, block_bytes, self.options.delimiter)
            except scanning.StrayQuoteError as error:
                line = _newlines_before(file, error.offset) + 1
                raise SamplingError(
                    f"{file.file.path}, line {line}: {parsing.stray_quote(self.options)}"
                ) from None

    def _count_file(self, file: CsvFile, known: manifest.Counts) -> int:
        file.file.check_unchanged()
        rows = known.rows(file.file)
        if rows is not None and self.options.header:
            return rows
        with file.file.open() as opened:
            pieces = scanning.read_pieces(opened, file.begin, file.file.size)
            return sum(scanning.count_rows(piece) for piece in pieces)

    def _in_blocks(self, index: int) -> Iterator[int]:
        """Rows of each block of a file."""
        file, quoted = self.files[index], self.options.newlines_in_values
        file.file.check_unchanged()
        with file.file.open() as opened:
            for block in range(*np.searchsorted(self._file_of, (index, index + 1))):
                text = bytes(self._run_text(opened, file, block, block))
                yield scanning.count_rows(text, quoted)

    def _explain(self, blocks: np.ndarray, error: Exception) -> str:
        """Block by block: which row it is."""
        for block in blocks:
            layout = self.files[self._file_of[block]].layout
            text = self._block_text(block)
            if found := explanation.explain(text, layout, self.schema, self.options):
                line, problem = found
                return f"{self._place(block, line)}{problem}"
        return f"{_names([file.file for file in self.files])}: {error}"

    def _place(self, block: int, line: int) -> str:
        """Where the line with that number (from 0) of a block's text is: "path, line 17"."""
        file, start = self.files[self._file_of[block]], int(self._starts[block])
        if start > file.begin and not self.options.newlines_in_values:
            # The text begins after the line that the byte before `start` belongs to.
            line += 1 + _newlines_before(file, start - 1)
        else:
            line += _newlines_before(file, start)
        return f"{file.file.path}, line {line + 1}"


def _newlines_before(file: CsvFile, offset: int) -> int:
    with file.file.open() as opened:
        return sum(
            files.read_range(opened, start, min(offset, start + 2**22)).count(b"\n")
            for start in range(0, offset, 2**22)
        )


def _names(listed: Sequence[files.File]) -> str:
    paths = [file.path for file in listed]
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
