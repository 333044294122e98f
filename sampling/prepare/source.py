"""Raw files, read in chunks: a table of some MiB at a time, in the order of the files."""

from __future__ import annotations

import codecs
import contextlib
import csv
import dataclasses
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import kept, packed, registry
from sampling.formats.columnar import opening
from sampling.formats.csv.options import CsvOptions
from sampling.order import block_size
from sampling.progress import Progress
from sampling.samplers.fake_pairs.vocabulary import keyed
from sampling.schema import WEIGHT_FEATURE, Field, Schema

Result = TypeVar("Result")

_TYPES: dict[Callable[[pa.DataType], bool], str] = {
    pa.types.is_null: "STRING",
    pa.types.is_string: "STRING",
    pa.types.is_large_string: "STRING",
    pa.types.is_binary: "BYTES",
    pa.types.is_large_binary: "BYTES",
    pa.types.is_boolean: "BOOLEAN",
    pa.types.is_integer: "INTEGER",
    pa.types.is_floating: "FLOAT",
    pa.types.is_decimal: "NUMERIC",
    pa.types.is_date: "DATE",
    pa.types.is_timestamp: "TIMESTAMP",
    pa.types.is_time: "TIME",
}
_BLOCKS = block_size.fixed(8192)
_CHUNK_BYTES = 8 * 2**20
_HEAD_BYTES = 2**16  # at a time, until the header is there


class Chunk(NamedTuple):
    """Neighbouring blocks of one file: numbers first..last, and about how many bytes."""

    path: str
    first: int
    last: int
    bytes: int

    @property
    def blocks(self) -> np.ndarray:
        return np.arange(self.first, self.last + 1)


class Rows(NamedTuple):
    """Rows of a chunk.

    Args:
        table: checked, in the schema's types, without a missing value: to look at.
        written: the same rows as they are to be written.
        known: the same rows with null where a value is missing.
        name: of their file, below the folder that all files are in.
        first: the number of the first one within the file, from 0.
    """

    table: pa.Table
    written: pa.Table
    known: pa.Table
    name: str
    first: int


class Source:
    """Raw files of one kind: text, Parquet or what else input functions read.

    Args:
        globs: see `files.list_files`.
        schema: their columns; None: those of the first file: of text all are text.
        options: how they are written, if they are text.
        columns: their names where there is no header and no schema.
        label: name of the column of the class, where there is no schema.
        keys: {argument: column} of the columns that must not be empty, for errors.
        file_format: one of `registry.FORMATS`; None: by the files' names.
        written_as: the format that rows are written in again: "csv" or "parquet".

    Attributes:
        schema: of the tables.
        is_typed: whether the columns have types; otherwise they are text, unchecked.
        is_text: whether the files are CSV.
        options: as given.

    Raises:
        SamplingError: no file matches, one does not fit, or a key or the label is lacking.
    """

    def __init__(
        self,
        globs: files.Globs,
        schema: Schema | None,
        options: CsvOptions,
        *,
        columns: Sequence[str] = (),
        label: str | None = None,
        keys: dict[str, str] | None = None,
        file_format: str | None = None,
        written_as: str = "csv",
    ):
        listed = files.list_files(globs, "files")
        first = next((file for file in listed if file.size), listed[0])
        found = registry.checked_format(file_format) or registry.look(first)
        self.options, self.is_text = options, found.startswith("csv")
        self.is_typed = schema is not None or not self.is_text
        if not self.is_typed:
            codec = found.partition(".")[2]
            schema = _texts(columns or _header(first, options, codec), label)
        elif schema is None:
            schema = _typed(first, found, label)
        self.schema = keyed(schema, **(keys or {}))
        # Labels are read as they stand: what they are called, not which of the classes they are.
        as_they_stand = dataclasses.replace(self.schema, classes=())
        self._blocks = registry.open_blocks(
            globs, "files", as_they_stand, options, _BLOCKS, None, file_format
        )
        if self.schema.label and not self._blocks.has_labels:
            raise SamplingError(
                f"{listed[0].path} lacks the label {self.schema.label!r}, expected it in the "
                "files; fix them or the name"
            )
        self._read_kept = kept.reader(self._blocks, written_as)
        paths = [file.file.path for file in self._blocks.files]
        self._names = dict(zip(paths, _below_common(paths), strict=True))

    def chunks(self) -> list[Chunk]:
        """All of them, in the order of the files."""
        block_bytes = max(1.0, self._blocks.decoded_bytes / self._blocks.num_blocks)
        at_a_time = max(1, int(_CHUNK_BYTES / block_bytes))
        chunks = []
        for number, file in enumerate(self._blocks.files):
            ids = np.flatnonzero(self._blocks.file_of == number)
            for start in range(0, len(ids), at_a_time):
                some = ids[start : start + at_a_time]
                size = round(len(some) * block_bytes)
                chunks.append(Chunk(file.file.path, int(some[0]), int(some[-1]), size))
        return chunks

    def read(self, chunk: Chunk) -> pa.Table:
        """The rows of a chunk.

        Raises:
            SamplingError: a row can't be read (file, line and column named), or a file has changed.
        """
        return self._blocks.read(chunk.blocks)

    def locate(self, chunk: Chunk, row: int) -> str:
        """Where a row of a chunk stands: "path, line 17"."""
        return self._blocks.locate(chunk.blocks, row)

    def read_rows(self, chunk: Chunk, first: int) -> Rows:
        """The rows of a chunk, to look at and to write.

        Args:
            first: the number of the first one within the file.

        Raises:
            SamplingError: as `read`; or a value can't be written.
        """
        return Rows(*self._read_kept(chunk.blocks), self._names[chunk.path], first)

    def tables(self, what: str) -> Iterator[tuple[Chunk, pa.Table]]:
        """All rows, chunk by chunk, with a progress bar; the next one is read meanwhile."""
        return self._in_turn(what, self.read, lambda table: table.num_rows)

    def rows(self, what: str) -> Generator[tuple[Chunk, Rows], None, None]:
        """`tables`, to look at and to write."""
        with contextlib.closing(self.rows_with(what, lambda chunk, _: chunk)) as read:
            for rows, chunk in read:
                yield chunk, rows

    def rows_with(
        self, what: str, look: Callable[[Chunk, Rows], Result]
    ) -> Generator[tuple[Rows, Result], None, None]:
        """The rows of each chunk with what a function finds in them; it, too, is called for the
        next one meanwhile."""
        done: Counter[str] = Counter()

        def looked_at(chunk: Chunk) -> tuple[Rows, Result]:
            rows = self.read_rows(chunk, done[chunk.path])
            done[chunk.path] += rows.table.num_rows
            return rows, look(chunk, rows)

        read = self._in_turn(what, looked_at, lambda found: found[0].table.num_rows)
        with contextlib.closing(read):
            for _, found in read:
                yield found

    def _in_turn(
        self, what: str, read: Callable[[Chunk], Result], number_of: Callable[[Result], int]
    ) -> Generator[tuple[Chunk, Result], None, None]:
        chunks = self.chunks()
        done = rows = 0
        with (
            Progress(what, sum(chunk.bytes for chunk in chunks)) as progress,
            ThreadPoolExecutor(1) as ahead,
        ):
            waiting = ahead.submit(read, chunks[0])
            for number, chunk in enumerate(chunks):
                result = waiting.result()
                if number + 1 < len(chunks):
                    waiting = ahead.submit(read, chunks[number + 1])
                yield chunk, result
                done, rows = done + chunk.bytes, rows + number_of(result)
                progress.update(done, rows)
            progress.close(rows)


def _below_common(paths: Sequence[str]) -> list[str]:
    """["/raw/1/a.csv", "/raw/2/a.csv"] -> ["1/a.csv", "2/a.csv"]"""
    split = [path.split("/") for path in paths]
    shared = 0
    while len({tuple(parts[: shared + 1]) for parts in split}) == 1 and all(
        len(parts) > shared + 1 for parts in split
    ):
        shared += 1
    return ["/".join(parts[shared:]) for parts in split]


def _texts(names: Sequence[str], label: str | None) -> Schema:
    """Columns without a type are text; but for row weights, which are numbers by their name."""
    weight = _weight(names, label)
    return Schema.from_dict({n: float if n == weight else str for n in names}, label, weight)


def _typed(file: files.File, found: str, label: str | None) -> Schema:
    """The columns of a Parquet file."""
    if found != "parquet":
        raise SamplingError(f"{file.path} does not name the types of its columns; pass a schema")
    told = opening.damage_told(file.path, "Parquet", "Parquet file")
    with told, files.open_binary(file.path) as opened:
        columns = pa.parquet.read_schema(opening.source(opened, file.size))
    fields = tuple(_field(column.name, column.type) for column in columns)
    return Schema(fields, label, _weight(columns.names, label))


def _field(name: str, type_: pa.DataType, mode: str = "NULLABLE") -> Field:
    """A column of that type."""
    if pa.types.is_dictionary(type_):
        return _field(name, type_.value_type, mode)
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return _field(name, type_.value_type, "REPEATED")
    if pa.types.is_fixed_size_list(type_):
        return dataclasses.replace(_field(name, type_.value_type), length=type_.list_size)
    found = next((said for is_it, said in _TYPES.items() if is_it(type_)), str(type_))
    return Field(name, found, mode)


def _weight(names: Sequence[str], label: str | None) -> str | None:
    return WEIGHT_FEATURE if WEIGHT_FEATURE in names and label != WEIGHT_FEATURE else None


def _header(file: files.File, options: CsvOptions, codec: str) -> list[str]:
    if not options.header:
        raise SamplingError(
            "the files have no header, expected names of their columns; pass --columns"
        )
    if codec:
        text = packed.head(file, codec)
    else:
        with files.open_binary(file.path) as opened:
            text = b""
            while b"\n" not in text and (more := opened.read(_HEAD_BYTES)):
                text += more
    line = text.removeprefix(codecs.BOM_UTF8).partition(b"\n")[0]
    first = line.decode(options.encoding, "replace").strip("\r")
    reader = csv.reader([first], delimiter=options.delimiter, escapechar=options.escape or None)
    return [name for name in next(reader, []) if name.strip()]  # what has no name is left out
