"""Arrow IPC files (`.arrow`, `.feather`), and streams of Arrow in a file: read by record batches.

They carry no checksums: what is read is checked to be sound (offsets, codes, UTF-8), so that damage
ends in an error or in other values, never in a crash.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from sampling import files
from sampling.formats.base import Label
from sampling.formats.columnar import opening
from sampling.schema import Schema

MAGIC = b"ARROW1"


class ArrowFile:
    """A listed file, looked into: its columns, and how many rows each record batch has.

    Attributes:
        names: of the schema's columns that it has.
        left_out: the names of its other columns.
        types: of those columns.
        group_rows: int64 [record batches].

    Args:
        file: as listed.
        schema: what columns it should have; others are not read. None: any.
        label: see `CountedBlocks`.

    Raises:
        SamplingError: it is no Arrow file, or lacks a column, or has one of another type.
    """

    def __init__(self, file: files.File, schema: Schema | None, label: Label):
        self.file = file
        self._found: Any = None  # its columns
        self._messages: list[_Message] = []
        self._end: bytes | None = None  # the footer of one in a bucket, which every read asks for
        with self._open() as source:
            self._is_stream = source.read(len(MAGIC)) != MAGIC
            source.seek(0)
            if self._is_stream:
                self._messages = _messages(source)
            self._found, rows = self._counted(source)
            if not files.is_local(file.path) and not self._is_stream:
                self._end = _footer(source, file.size)
        found, self._called = self._found, list(self._found.names)
        self.group_rows = np.array(rows, np.int64)
        self.names, self.left_out, self.types = list(found.names), list[str](), found
        if schema is None:
            return
        columns = opening.find_columns(found, schema, label, file.path)
        self._found = columns.types
        self.names, self.left_out, self.types = columns.names, columns.left_out, columns.types_read

    def read(self, groups: Sequence[int], names: Sequence[str], coded: bool) -> pa.Table:
        """Whole record batches, one after the other.

        Raises:
            SamplingError: one is damaged.
        """
        assert self._found is not None  # since it was opened
        places = [self._found.get_field_index(name) for name in names]
        tables = []
        for group in groups:
            with self._open(f", record batch {group}") as source:
                batch = self._batch(source, group, places)
                batch.validate(full=True)
                if batch.num_rows != self.group_rows[group]:
                    found = f"{batch.num_rows:,} rows for {self.group_rows[group]:,}"
                    raise pa.ArrowInvalid(found)
                called = [self._called[place] for place in places]
                tables.append(
                    pa.Table.from_batches([batch]).select(called).rename_columns(list(names))
                )
        return pa.concat_tables(tables)

    def stream(self, group: int, names: Sequence[str], batch_rows: int) -> Iterator[pa.Table]:
        """A record batch, which is there as a whole or not at all.

        Raises:
            SamplingError: it is damaged.
        """
        yield self.read([group], names, False)

    def row_bytes(self) -> tuple[float, float]:
        """What a row takes in memory, by a batch, and in the file."""
        group = int(np.argmax(self.group_rows > 0))
        table = self.read([group], self.names, False)
        in_memory = max(1.0, table.nbytes / table.num_rows)
        return in_memory, min(in_memory, self.file.size / self.group_rows.sum())

    def _counted(self, source: Any) -> tuple[pa.Schema, list[int]]:
        """The columns, and the rows of each batch, for which one column is read."""
        if not self._is_stream:
            schema = pa.ipc.open_file(source).schema
            options = pa.ipc.IpcReadOptions(included_fields=[0] if schema.names else [])
            opened = pa.ipc.open_file(source, options=options)
            batches = map(opened.get_batch, range(opened.num_record_batches))
            return schema, [batch.num_rows for batch in batches]
        source.seek(0)
        opened = pa.ipc.open_stream(source)
        return opened.schema, [batch.num_rows for batch in opened]

    def _batch(self, source: Any, group: int, places: list[int]) -> pa.RecordBatch:
        """Some columns of a record batch."""
        options = pa.ipc.IpcReadOptions(included_fields=places)
        if self._end is not None:  # all columns are one request, some of them are several
            return pa.ipc.open_file(source).get_batch(group).select(sorted(places))
        if not self._is_stream:
            return pa.ipc.open_file(source, options=options).get_batch(group)
        # A stream of this batch alone, behind the dictionaries that it needs.
        end = [i for i, message in enumerate(self._messages) if message.is_batch][group]
        needed = [m for m in self._messages[:end] if not m.is_batch] + [self._messages[end]]
        pieces = []
        for message in needed:
            source.seek(message.start)
            pieces.append(source.read(message.end - message.start))
        alone = pa.BufferReader(b"".join(pieces))
        return pa.ipc.open_stream(alone, options=options).read_next_batch()

    @contextlib.contextmanager
    def _open(self, place: str = "") -> Iterator[Any]:
        """The file's bytes.

        Raises:
            SamplingError: what is read meanwhile is damaged.
        """
        told = opening.damage_told(f"{self.file.path}{place}", "Arrow", "Arrow IPC file")
        with told, contextlib.ExitStack() as stack:
            if files.is_local(self.file.path):
                # Not mapped: a file that becomes shorter would end the process.
                yield stack.enter_context(pa.OSFile(self.file.path))
            else:
                opened = stack.enter_context(self.file.open())
                yield opening.source(opened, self.file.size, self._end)


def _footer(source: Any, size: int) -> bytes:
    """The footer, its length in four bytes, and `MAGIC`."""
    source.seek(size - len(MAGIC) - 4)
    length = int.from_bytes(source.read(4), "little") + 4 + len(MAGIC)
    source.seek(size - length)
    return bytes(source.read(length))


class _Message(NamedTuple):
    """A message of a stream: the bytes [start, end), a record batch or what comes before it."""

    start: int
    end: int
    is_batch: bool


def _messages(source: Any) -> list[_Message]:
    found, start = [], 0
    with contextlib.suppress(StopIteration):
        for message in pa.ipc.MessageReader.open_stream(source):
            end = source.tell()
            found.append(_Message(start, end, message.type == "record batch"))
            start = end
    return found
