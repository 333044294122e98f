"""CSV files of one class: cut into blocks, read by blocks, counted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.formats import csv_lines, csv_parser
from sampling.formats.csv_file import CsvFile
from sampling.formats.csv_parser import CsvOptions
from sampling.schema import Schema


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
        ValueError: a file does not fit the schema, or there is no row.
    """

    def __init__(
        self,
        listed: Sequence[files.File],
        schema: Schema,
        options: CsvOptions,
        block_rows: int,
        label: int | None,
        role: str,
    ):
        self.schema, self.options, self.role, self._label = schema, options, role, label
        optional = [name for name in (schema.label,) if name]
        if label is None and schema.weight:  # files to predict from may lack both
            optional.append(schema.weight)
        parsed = [CsvFile(file, schema, options, optional) for file in listed]
        self.files = [file for file in parsed if file.body_bytes > 0]
        if not self.files:
            raise ValueError(
                f"{role}: no rows in {_names(listed)}; "
                "expected at least one row in one of the files"
            )
        self._check_labels()
        self.total_bytes = sum(file.body_bytes for file in self.files)
        self._counted: int | None = None
        self.row_bytes = self._mean_row_bytes()
        self._cut(max(1, round(block_rows * self.row_bytes)))

    @property
    def num_blocks(self) -> int:
        return len(self._starts)

    @property
    def estimated_rows(self) -> float:
        """Rows by the length of the first ones; exact where they have been counted."""
        return self._counted if self._counted is not None else self.total_bytes / self.row_bytes

    @property
    def has_labels(self) -> bool:
        return self._label is not None or self.schema.label in self.files[0].layout

    def count(self) -> int:
        """Rows in all files, by counting newlines at memory speed, once.

        Raises:
            ValueError: a file has changed.
        """
        if self._counted is None:
            self._counted = sum(self._count_file(file) for file in self.files)
        return self._counted

    def read(self, blocks: np.ndarray) -> pa.Table:
        """The rows of some blocks (sorted, int64 [n]), in file order.

        Returns:
            A table with the schema's columns; without the label where the files have none and no
            class says what it is.

        Raises:
            ValueError: a row can't be read (file, line and column named), or a file has changed.
        """
        tables = []
        for layout, run in itertools.groupby(
            self._texts(blocks), lambda of_file: of_file[0].layout
        ):
            data = b"".join(itertools.chain.from_iterable(texts for _, texts in run))
            try:
                tables.append(self._parse(data, layout))
            except csv_parser.BadTextError as error:
                raise ValueError(self._explain(blocks, error)) from None
        return pa.concat_tables(tables)

    def locate(self, blocks: np.ndarray, row: int) -> str:
        """Where a row of `read(blocks)` stands: "path, line 17"."""
        for block in blocks:
            file, text = self._block_text(block)
            rows = csv_lines.count_rows(text, self.options.newlines_in_values)
            if row < rows:
                records = csv_lines.split_records(text, self.options.newlines_in_values)
                numbers = [n for n, record in enumerate(records) if record.rstrip(b"\r")]
                before = sum(record.count(b"\n") + 1 for record in records[: numbers[row]])
                return f"{file.file.path}, line {self._line(block) + before}"
            row -= rows
        raise IndexError("no such row in these blocks")

    def _parse(self, data: bytes, layout: tuple[str, ...]) -> pa.Table:
        table = csv_parser.parse(data, layout, self.schema, self.options)
        label = self.schema.label_field
        if label is not None and label.name not in layout and self._label is not None:
            type_ = pa.int64() if label.is_integer else pa.float32()
            values = pa.repeat(pa.scalar(self._label, type_), table.num_rows)
            table = table.append_column(label.name, values).select(self.schema.names)
        return table

    def _texts(self, blocks: np.ndarray) -> Iterator[tuple[CsvFile, list[bytes]]]:
        """The whole lines of the blocks, file by file; each file is opened once."""
        for index, of_file in itertools.groupby(blocks, key=lambda b: self._file_of[b]):
            file = self.files[index]
            file.file.check_unchanged()
            ids = np.fromiter(of_file, np.int64)
            runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)  # neighbours in one read
            with files.open_binary(file.file.path) as opened:
                yield file, [self._run_text(opened, file, run[0], run[-1]) for run in runs]

    def _run_text(self, opened: Any, file: CsvFile, first: int, last: int) -> bytes:
        start, end = int(self._starts[first]), int(self._ends[last])
        if self.options.newlines_in_values:  # cut at records, not just anywhere
            data = files.read_range(opened, start, end)
        else:
            slack = int(4 * self.row_bytes)
            data = csv_lines.read_lines(opened, file.begin, start, end, file.file.size, slack)
        return data if data.endswith(b"\n") or not data else data + b"\n"

    def _block_text(self, block: int) -> tuple[CsvFile, bytes]:
        file, texts = next(self._texts(np.array([block])))
        return file, texts[0]

    def _cut(self, block_bytes: int) -> None:
        """Blocks: equal byte ranges of each file, or cuts at records where lines are not rows."""
        starts: list[np.ndarray] = []
        ends, file_of, rows = [], [], 0
        for index, file in enumerate(self.files):
            if self.options.newlines_in_values:
                at_records, file_rows = self._cut_quoted(file, block_bytes)
                cuts = np.array(at_records, np.int64)
                rows += file_rows
            else:
                number = max(1, round(file.body_bytes / block_bytes))
                cuts = file.begin + np.arange(number) * file.body_bytes // number
            starts.append(cuts)
            ends.append(np.append(starts[-1][1:], file.file.size))
            file_of.append(np.full(len(starts[-1]), index))
        self._starts, self._ends = np.concatenate(starts), np.concatenate(ends)
        self._file_of = np.concatenate(file_of)
        if self.options.newlines_in_values:
            self._counted = rows

    def _cut_quoted(self, file: CsvFile, block_bytes: int) -> tuple[list[int], int]:
        with files.open_binary(file.file.path) as opened:
            try:
                return csv_lines.cut_quoted(opened, file.begin, file.file.size, block_bytes)
            except csv_lines.UnclosedQuoteError as error:
                line = self._newlines_before(file, error.offset) + 1
                raise ValueError(
                    f"{file.file.path}, line {line}: found a quote that is not closed in the "
                    "64 MiB that follow, expected a pair; mend the row"
                ) from None

    def _mean_row_bytes(self) -> float:
        sampled = b"".join(
            file.sample if file.sample.endswith(b"\n") else file.sample + b"\n"
            for file in self.files
        )
        return len(sampled) / max(1, csv_lines.count_rows(sampled, self.options.newlines_in_values))

    def _count_file(self, file: CsvFile) -> int:
        file.file.check_unchanged()
        with files.open_binary(file.file.path) as opened:
            pieces = csv_lines.read_pieces(opened, file.begin, file.file.size)
            return sum(csv_lines.count_rows(piece) for piece in pieces)

    def _check_labels(self) -> None:
        """All files have labels or none has, unless the class says what they are."""
        label = self.schema.label_field
        without = [f for f in self.files if label is not None and label.name not in f.layout]
        if label is None or not without:
            return
        if self._label is None and len(without) < len(self.files):
            raise ValueError(
                f"{without[0].file.path} lacks the label {label.name!r}, which other files "
                f"of {self.role} have; add it, or leave the file out"
            )
        if self._label is not None and label.is_string:
            raise ValueError(
                f"{without[0].file.path} lacks the label {label.name!r} and a label of type "
                f"{label.type} can't be made up; add the column, or declare INTEGER"
            )

    def _explain(self, blocks: np.ndarray, error: Exception) -> str:
        """Block by block and line by line: which one it is."""
        quoted = self.options.newlines_in_values
        for block in blocks:
            file, text = self._block_text(block)
            try:
                csv_parser.parse(text, file.layout, self.schema, self.options)
            except csv_parser.BadTextError:
                line = self._line(block)
                for record in csv_lines.split_records(text, quoted):
                    arguments = record + b"\n", file.layout, self.schema, self.options
                    if problem := csv_parser.explain(*arguments):
                        return f"{file.file.path}, line {line}{problem}"
                    line += record.count(b"\n") + 1
                return f"{file.file.path}, near line {self._line(block)}: {error}"
        return f"{_names([file.file for file in self.files])}: {error}"

    def _line(self, block: int) -> int:
        """The number of the line that a block's first row stands in."""
        file = self.files[self._file_of[block]]
        start = int(self._starts[block])
        if start > file.begin and not self.options.newlines_in_values:
            # The block's first row is the one after the line that its first byte belongs to,
            # unless that byte is the line's first.
            return self._newlines_before(file, start - 1, through_line=True) + 1
        return self._newlines_before(file, start) + 1

    def _newlines_before(self, file: CsvFile, offset: int, through_line: bool = False) -> int:
        with files.open_binary(file.file.path) as opened:
            count = sum(
                files.read_range(opened, at, min(offset, at + 2**22)).count(b"\n")
                for at in range(0, offset, 2**22)
            )
        return count + int(through_line)


def _names(listed: Sequence[files.File]) -> str:
    paths = [file.path for file in listed]
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
