"""CSV files of one class: cut into blocks, read by blocks, counted."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.formats import base, packed
from sampling.formats.csv import lines, parsing, scanning
from sampling.formats.csv.csv_file import CsvFile
from sampling.formats.csv.explanation import Explanation, shown
from sampling.formats.csv.options import CsvOptions
from sampling.formats.csv.text_reader import (
    PARSE_BYTES,
    BlockCuts,
    Lines,
    TextReader,
    newlines_before,
    too_long,
)
from sampling.formats.values import partitions, types
from sampling.formats.values.conversion import BadValueError, Conversion
from sampling.order.block_size import BlockSize
from sampling.order.stretches import Order
from sampling.schema import Schema

_PARSE_ROWS = 256  # at least are parsed at a time
_SAMPLED_FILES = 64  # enough to know how long rows are


class _Text(NamedTuple):
    """Whole lines of files that have the same columns, by their paths too; one of the files."""

    layout: tuple[str, ...]
    file: int
    text: bytes


class CsvBlocks:
    """The CSV files of one class.

    Attributes:
        left_out: the names of columns in the files that the schema lacks.

    Args:
        listed: the files.
        schema: their columns.
        options: how they are written.
        block_size: how many rows a block should have.
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
        block_size: BlockSize,
        label: base.Label,
        role: str,
    ):
        self.schema, self.options, self.role, self._label = schema, options, role, label
        if wide := [field.name for field in schema if field.is_list]:
            raise SamplingError(
                f"{role}: {types.names_shown(wide)} of the schema hold lists, which text "
                "files do not; give each value a column of its own, or write Parquet or TFRecord"
            )
        optional = base.optional_columns(schema, label)
        layouts: dict[Any, Any] = {}
        self._parser, self._convert = parsing.CsvParser(schema, options), Conversion(schema)
        self._is_local = base.is_in_sequence(listed)
        parsed = files.ahead(
            lambda file: CsvFile(file, schema, options, optional, layouts), listed, self._is_local
        )
        self.files = [file for file in parsed if file.body_bytes > 0]
        base.check_alike([(file.file.path, file.names) for file in self.files], schema, label, role)
        self._partitions = partitions.columns([file.file.path for file in self.files], schema)
        self.left_out = base.left_out(self.files)
        self._number_of = {file.file.path: number for number, file in enumerate(self.files)}
        self.total_bytes = sum(file.body_bytes for file in self.files)
        self._counted: int | None = None
        self._counted_blocks: np.ndarray | None = None
        self._seen: np.ndarray | None = None  # which blocks were read
        self._rows_seen = 0
        self._lock = threading.Lock()
        sampled = self.files[:: 1 + len(self.files) // _SAMPLED_FILES]
        samples = list(files.ahead(CsvFile.sample, sampled, self._is_local))
        sampled_bytes = sum(length for length, _ in samples)
        sampled_rows = sum(rows for _, rows in samples)
        if sampled_rows == 0 and self.count() == 0:
            base.refuse_empty(listed, role)
        self.row_bytes = sampled_bytes / max(1, sampled_rows)
        # Of few rows the columns cost more than the values.
        self._parse_bytes = max(PARSE_BYTES, round(_PARSE_ROWS * self.row_bytes))
        block_rows = block_size.rows(self.row_bytes, base.read_bytes(listed))
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
        return self._label is not None or self.schema.label in self.files[0].names

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
            known = manifest.Counts([file.file for file in self.files])
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
            cut = list(enumerate(self._starts_by_file()))
            of_files = files.ahead(lambda each: self._in_blocks(*each), cut, self._is_local)
            counts = np.concatenate(list(of_files))
            self._compare(int(counts.sum()))
            self._counted_blocks = counts
        return self._counted_blocks

    def read(self, blocks: np.ndarray, columns: Collection[str] | None = None) -> pa.Table:
        """The rows of some blocks (sorted, int64 [n]), in file order.

        Args:
            columns: names of the schema's columns, one at least; None: all. What is not named is
                neither parsed nor checked.

        Returns:
            A table with the schema's columns; without the label where the files have none and no
            class says what it is.

        Raises:
            SamplingError: a row can't be read (file, line and column named), or a file has changed.
        """
        schema = self.schema
        names = schema.names if columns is None else base.checked_names(columns, schema)
        with self._explaining(blocks, names):
            table = self._finished(self._parsed(blocks, self._pieces(blocks), names), names, blocks)
        self._note(blocks, table.num_rows)
        return table

    def read_both(self, blocks: np.ndarray) -> tuple[pa.Table, list[pa.Table]]:
        """What `read` gives, and the same rows as the files have them: null where a field is blank,
        and numbers with all digits that float64 has."""
        names, parser = (
            self.schema.names,
            parsing.CsvParser(self.schema, self.options, pa.float64()),
        )
        with self._explaining(blocks, names):
            parsed = list(self._parsed(blocks, self._pieces(blocks), names, parser))
            return self._finished(parsed, names, blocks), parsed

    def read_text(self, blocks: np.ndarray) -> pa.Table:
        """The rows of some blocks, each field as its text; null where it is missing."""
        names = self.schema.names
        parser = parsing.CsvParser(Schema.from_dict(dict.fromkeys(names, str)), self.options)
        with self._explaining(blocks, names):
            parsed = list(self._parsed(blocks, self._pieces(blocks), names, parser))
        texts = [each.cast(_of_texts(each.column_names)) for each in parsed]
        return pa.concat_tables(texts, promote_options="default")

    def read_with_lines(
        self, blocks: np.ndarray, names: Sequence[str]
    ) -> tuple[pa.Table, pa.Table, pa.Table]:
        """What `read` gives, the lines it was read from (see `lines.as_table`), and the same rows
        with null where a field is blank.

        Args:
            names: the columns that lines have, in order; lines of other files are rearranged.
        """
        pieces, every = list(self._pieces(blocks)), self.schema.names
        with self._explaining(blocks, every):
            parsed = list(self._parsed(blocks, pieces, every))
            table = self._finished(parsed, every, blocks)
            text = lines.as_table([self._lines(piece, names) for piece in pieces], names)
            return table, text, pa.concat_tables(each.select(table.column_names) for each in parsed)

    def _lines(self, piece: _Text, names: Sequence[str]) -> pa.Array:
        if list(piece.layout) == list(names) and not self.options.escape:
            text = bytes(self._parser.in_utf8(piece.text))
            return lines.of_text(text, self.options.newlines_in_values)
        of_path = {
            name: values[piece.file].cast(pa.string()).as_py()
            for name, values in self._partitions.items()
            if name not in piece.layout
        }
        return lines.rearranged(piece.text, piece.layout, names, self.options, of_path)

    def _note(self, blocks: np.ndarray, rows: int) -> None:
        """Once every block was read, there are as many rows as were believed to be there."""
        with self._lock:
            if self._seen is None:
                self._seen = np.zeros(self.num_blocks, bool)
            if self._seen[blocks].any():  # again, with others: whose rows are new is not known
                return
            self._seen[blocks] = True
            self._rows_seen += rows
            if self._seen.all():
                self._compare(self._rows_seen)

    def _compare(self, rows: int) -> None:
        """Raises SamplingError if the files turn out to have another number of rows."""
        if self._counted not in (None, rows):
            raise SamplingError(
                f"{self.role}: found {rows:,} rows in the files, expected the {self._counted:,} "
                "that were counted, or stand in their manifest; leave files alone while they are "
                "read, and write the manifest anew"
            )
        self._counted = rows

    @contextlib.contextmanager
    def _explaining(self, blocks: np.ndarray, names: Sequence[str]) -> Iterator[None]:
        try:
            yield
        except parsing.BadTextError as error:
            raise SamplingError(self._explain(blocks, names, error)) from None

    def _parsed(
        self,
        blocks: np.ndarray,
        pieces: Iterable[_Text],
        names: Sequence[str],
        parser: parsing.CsvParser | None = None,
    ) -> Iterator[pa.Table]:
        def parse(piece: _Text) -> pa.Table:
            return self._parse(piece, names, parser or self._parser)

        if (self._ends[blocks] - self._starts[blocks]).sum() < self._parse_bytes:
            yield from map(parse, pieces)
            return
        with ThreadPoolExecutor(pa.cpu_count()) as threads:  # the next is read while they parse
            yield from threads.map(parse, pieces)

    def locate(self, blocks: np.ndarray, row: int) -> str:
        """Where a row of `read(blocks)` stands: "path, line 17"."""
        block, line, _ = self._record(blocks, row)
        return self._place(block, line)

    def _record(self, blocks: np.ndarray, row: int) -> tuple[int, int, bytes]:
        """A row of `read(blocks)`: (its block, the line in it from 0, its text)."""
        quoted, dialect = self.options.newlines_in_values, self.options.dialect
        for block in blocks:
            text = self._block_text(block)
            rows = scanning.count_rows(dialect.masked(text) if quoted else text, quoted)
            if row < rows:
                records = scanning.numbered_records(text, quoted, dialect)
                line, record = next(itertools.islice(records, row, None))
                return block, line, record
            row -= rows
        raise IndexError("no such row in these blocks")

    def _parse(self, piece: _Text, names: Sequence[str], parser: parsing.CsvParser) -> pa.Table:
        layout = set(piece.layout)
        known = [name for name in names if name in layout] or [
            name for name in self.schema.names if name in layout
        ][:1]
        table = parser(piece.text, piece.layout, known)
        for name, values in self._partitions.items():
            if name in names and name not in piece.layout:
                value = values[piece.file]
                table = table.append_column(name, pa.repeat(value, table.num_rows))
        return table

    def _finished(
        self, parsed: Iterable[pa.Table], names: Sequence[str], blocks: np.ndarray
    ) -> pa.Table:
        """One table, looked through as a whole: every call for a piece alone would cost."""
        finished, rows = [], 0
        label = self._label if self.schema.label in names else None
        for table in base.joined(parsed):
            there = set(table.column_names)
            wanted = table.select([name for name in names if name in there])
            try:
                converted = self._convert(wanted)
            except BadValueError as error:
                raise SamplingError(self._told(blocks, rows + error.row, error)) from None
            finished.append(base.with_label(converted, self.schema, label, table.num_rows))
            rows += table.num_rows
        return pa.concat_tables(finished)

    def _told(self, blocks: np.ndarray, row: int, error: BadValueError) -> str:
        """What is wrong with a value, as the text has it."""
        block, line, record = self._record(blocks, row)
        layout, found = self.files[self._file_of[block]].layout, error.found
        fields = scanning.split_fields(record, self.options.dialect) or []
        if error.column in layout and len(fields) == len(layout):
            text = fields[layout.index(error.column)]
            found = shown(text, self.options.encoding) if text else "nothing"
        return f"{self._place(block, line)}, column {error.column!r}: found {found}, {error.wanted}"

    def _pieces(self, blocks: np.ndarray) -> Iterator[_Text]:
        """Whole lines of files with one layout, each of a length to be parsed at once."""

        def kind(lines: Lines) -> Any:
            file = self.files[lines.file]
            return file.layout, file.of_path

        for (layout, _), texts in itertools.groupby(self._texts(blocks), kind):
            joined: list[memoryview] = []
            length = number = 0
            for number, pieces in texts:
                joined += pieces
                length += sum(map(len, pieces))
                if length >= self._parse_bytes:
                    yield _Text(layout, number, b"".join(joined))
                    joined, length = [], 0
            yield _Text(layout, number, b"".join(joined))

    def _block_text(self, block: int) -> bytes:
        [lines] = self._texts(np.array([block]))
        return b"".join(lines.pieces)

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
        listed = [file.file for file in self.files]
        at_a_time = packed.under_way_together(listed, packed.MOST_POINTS)
        self.order = Order(self._stretch_sizes(), at_a_time)
        cuts = BlockCuts(self._starts, self._ends, self._file_of)
        at_records, slack = self.options.newlines_in_values, int(4 * self.row_bytes)
        self._texts = TextReader(self.files, cuts, at_records, slack, self._is_local)
        if self.options.newlines_in_values:
            self._counted = rows

    def _stretch_sizes(self) -> np.ndarray:
        if not any(isinstance(file.file, packed.Packed) for file in self.files):
            return np.ones(len(self._starts), np.int64)
        pairs = zip(self.files, self._starts_by_file(), strict=True)
        return np.concatenate([packed.stretch_sizes(file.file, starts) for file, starts in pairs])

    def _starts_by_file(self) -> list[np.ndarray]:
        """int64: where the blocks of each file begin."""
        return np.split(self._starts, np.flatnonzero(np.diff(self._file_of)) + 1)

    def _cut_quoted(self, file: CsvFile, block_bytes: int) -> tuple[list[int], int]:
        dialect = self.options.dialect
        with file.file.open() as opened:
            try:
                return scanning.cut_quoted(opened, file.file, file.begin, block_bytes, dialect)
            except scanning.LongRecordError as error:
                raise SamplingError(too_long(file, error)) from None
            except scanning.StrayQuoteError as error:
                line = newlines_before(file, error.offset) + 1
                raise SamplingError(
                    f"{file.file.path}, line {line}: {parsing.stray_quote(self.options)}"
                ) from None

    def _count_file(self, file: CsvFile, known: manifest.Counts) -> int:
        file.file.check_unchanged()
        rows = known.rows(file.file)
        if rows is not None and self.options.header:
            return rows
        with file.file.open() as opened:
            try:
                pieces = scanning.read_pieces(opened, file.file, file.begin)
                return sum(map(scanning.count_rows, pieces))
            except scanning.LongRecordError as error:
                raise SamplingError(too_long(file, error)) from None

    def _in_blocks(self, index: int, starts: np.ndarray) -> np.ndarray:
        """int64: rows of each block of a file."""
        file, dialect = self.files[index], self.options.dialect
        file.file.check_unchanged()
        with file.file.open() as opened:
            if not self.options.newlines_in_values:
                return scanning.count_in_blocks(opened, file.file, file.begin, starts)
            ends = np.append(starts[1:], file.file.size).tolist()
            texts = (
                file.file.read(opened, *span) for span in zip(starts.tolist(), ends, strict=True)
            )
            return np.array([scanning.count_rows(dialect.masked(text), True) for text in texts])

    def _explain(self, blocks: np.ndarray, names: Sequence[str], error: Exception) -> str:
        """Block by block: which row it is."""
        explain = Explanation(self.schema, self.options, self._parser, names)
        for block in blocks:
            layout = self.files[self._file_of[block]].layout
            text = self._block_text(block)
            if found := explain(text, layout):
                line, problem = found
                return f"{self._place(block, line)}{problem}"
        return f"{_names([file.file for file in self.files])}: {error}"

    def _place(self, block: int, line: int) -> str:
        """Where the line with that number (from 0) of a block's text is: "path, line 17"."""
        file, start = self.files[self._file_of[block]], int(self._starts[block])
        if start > file.begin and not self.options.newlines_in_values:
            # The text begins after the line that the byte before `start` belongs to.
            line += 1 + newlines_before(file, start - 1)
        else:
            line += newlines_before(file, start)
        return f"{file.file.path}, line {line + 1}"


def _of_texts(names: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, pa.large_string()) for name in names])


def _names(listed: Sequence[files.File]) -> str:
    paths = [file.path for file in listed]
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
