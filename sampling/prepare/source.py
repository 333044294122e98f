"""Raw files, read in chunks: a table of some MiB at a time, in the order of the files."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import packed, registry
from sampling.formats.csv.options import CsvOptions
from sampling.formats.parquet import Readable
from sampling.progress import Progress
from sampling.samplers.fake_pairs.vocabulary import keyed
from sampling.schema import WEIGHT_FEATURE, Schema

_BLOCK_ROWS = 8192
_CHUNK_BYTES = 8 * 2**20


class Chunk(NamedTuple):
    """Neighbouring blocks of one file: numbers first..last, and about how many bytes."""

    path: str
    first: int
    last: int
    bytes: int

    @property
    def blocks(self) -> np.ndarray:
        return np.arange(self.first, self.last + 1)


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

    Attributes:
        schema: of the tables.
        is_typed: whether the columns have types; otherwise they are text, unchecked.

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
    ):
        listed = files.list_files(globs, "files")
        first = next((file for file in listed if file.size), listed[0])
        found = registry.checked_format(file_format) or registry.look(first)
        self.is_typed = schema is not None or not found.startswith("csv")
        if not self.is_typed:
            codec = found.partition(".")[2]
            schema = _texts(columns or _header(first, options, codec), label)
        elif schema is None:
            schema = _typed(first, found, label)
        self.schema = keyed(schema, **(keys or {}))
        self._blocks = registry.open_blocks(
            globs, "files", self.schema, options, _BLOCK_ROWS, None, file_format
        )
        if self.schema.label and not self._blocks.has_labels:
            raise SamplingError(
                f"{listed[0].path} lacks the label {self.schema.label!r}, expected it in the "
                "files; fix them or the name"
            )

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

    def tables(self, what: str) -> Iterator[tuple[Chunk, pa.Table]]:
        """All rows, chunk by chunk, with a progress bar; the next one is read meanwhile."""
        chunks = self.chunks()
        progress = Progress(what, sum(chunk.bytes for chunk in chunks))
        done = rows = 0
        with ThreadPoolExecutor(1) as ahead:
            waiting = ahead.submit(self.read, chunks[0])
            for number, chunk in enumerate(chunks):
                table = waiting.result()
                if number + 1 < len(chunks):
                    waiting = ahead.submit(self.read, chunks[number + 1])
                yield chunk, table
                done, rows = done + chunk.bytes, rows + table.num_rows
                progress.update(done, rows)
        progress.close(rows)


def _texts(names: Sequence[str], label: str | None) -> Schema:
    """Columns without a type are text; but for row weights, which are numbers by their name."""
    weight = _weight(names, label)
    return Schema.from_dict({n: float if n == weight else str for n in names}, label, weight)


def _typed(file: files.File, found: str, label: str | None) -> Schema:
    """The columns of a Parquet file."""
    if found != "parquet":
        raise SamplingError(f"{file.path} does not name the types of its columns; pass a schema")
    with files.open_binary(file.path) as opened:
        try:
            columns = pa.parquet.read_schema(pa.PythonFile(Readable(opened, file.size), "r"))
        except pa.ArrowInvalid as error:
            raise SamplingError(f"{file.path} is no Parquet file ({error}); fix the glob") from None
    frame = columns.empty_table().to_pandas()
    return Schema.from_pandas(frame, label, _weight(columns.names, label))


def _weight(names: Sequence[str], label: str | None) -> str | None:
    return WEIGHT_FEATURE if WEIGHT_FEATURE in names and label != WEIGHT_FEATURE else None


def _header(file: files.File, options: CsvOptions, codec: str) -> list[str]:
    if not options.header:
        raise SamplingError(
            "the files have no header, expected names of their columns; pass columns"
        )
    if codec:
        text = packed.head(file, codec)
    else:
        with files.open_binary(file.path) as opened:
            text = opened.readline()
    first = text.partition(b"\n")[0].decode("utf-8-sig", "replace").strip("\r")
    names = next(csv.reader([first], delimiter=options.delimiter), [])
    return [name for name in names if name.strip()]  # what has no name is left out
