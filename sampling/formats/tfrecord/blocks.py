"""TFRecord files of tf.train.Examples, of one class: blocks are runs of records."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow as tf
from google.protobuf.message import DecodeError

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import base, gzipped
from sampling.formats.base import HELD_BYTES, CountedBlocks, Label
from sampling.formats.tfrecord import examples
from sampling.formats.tfrecord.tfrecord_file import TfRecordFile
from sampling.schema import Schema

_LOOKED_AT = 100  # records that tell which features a file has
_PARSE_BYTES = 4 * 2**20  # of records that are parsed at a time
_LEAST_PIECES = 64  # of what may be held: no block is larger


class _Piece(NamedTuple):
    """Records of one file that are parsed at a time, and their numbers in it, from 0, by runs."""

    file: int
    numbers: list[range]
    records: list[bytes]


class TfRecordBlocks(CountedBlocks):
    """The TFRecord files of one class.

    Args:
        listed: the files, or what gzip files hold.
        schema: the features that are read. Where a record lacks one, the value is empty; one that
            the first 100 records lack must have a default in the schema, or be REPEATED.
        block_rows: about how many rows a block should have.
        label, role: see `CountedBlocks`.

    Raises:
        SamplingError: a file does not fit the schema, or is damaged, or there is no row.
    """

    def __init__(
        self,
        listed: Sequence[files.File],
        schema: Schema,
        block_rows: int,
        label: Label,
        role: str,
    ):
        block_bytes = HELD_BYTES // _LEAST_PIECES
        opened = [TfRecordFile(file, block_rows, block_bytes) for file in listed]
        opened = [file for file in opened if file.rows]
        if not opened:
            raise SamplingError(
                f"{role}: found no record in {listed[0].path}"
                f"{f' and {len(listed) - 1} more' if len(listed) > 1 else ''}, "
                "expected at least one; fix the glob or the files"
            )
        self._kinds = [_look(file, schema, label) for file in opened]
        super().__init__(opened, schema, label, role)
        blocks = [len(file.starts) - 1 for file in opened]
        self._first_block = np.cumsum(blocks) - blocks  # by file
        self._set_blocks(
            np.concatenate([_block_rows(file) for file in opened]),
            np.repeat(np.arange(len(opened)), blocks),
            np.concatenate([gzipped.stretch_sizes(file.file, file.starts[:-1]) for file in opened]),
            self.total_bytes / sum(file.rows for file in opened),
        )

    def _tables(self, blocks: np.ndarray) -> Iterator[pa.Table]:
        with ThreadPoolExecutor(pa.cpu_count()) as threads:  # the next are read while they parse
            yield from threads.map(self._parsed, self._pieces(blocks))

    def _pieces(self, blocks: np.ndarray) -> Iterator[_Piece]:
        """Records of one file, of some MiB; those of the blocks in all."""
        for index in np.unique(self._file_of[blocks]):
            piece = _Piece(int(index), [], [])
            length = 0
            for first, data in self._read_runs(index, blocks[self._file_of[blocks] == index]):
                found = self.files[index].records(data, first)
                number = first * self.files[index].block_rows
                piece.numbers.append(range(number, number + len(found)))
                piece.records.extend(found)
                length += len(data)
                if length >= _PARSE_BYTES:
                    yield piece
                    piece, length = _Piece(int(index), [], []), 0
            if piece.records:
                yield piece

    def _read_runs(self, index: int, blocks: np.ndarray) -> Iterator[tuple[int, bytes]]:
        """(first block in the file, bytes) of neighbouring blocks of a file."""
        file: TfRecordFile = self.files[index]
        file.file.check_unchanged()
        of_file = blocks - self._first_block[index]
        apart = np.diff(of_file) > 1
        apart |= np.diff(file.starts[of_file] // _PARSE_BYTES) > 0
        with file.file.open() as opened:
            for run in np.split(of_file, np.flatnonzero(apart) + 1):
                start, end = int(file.starts[run[0]]), int(file.starts[run[-1] + 1])
                yield int(run[0]), files.read_range(opened, start, end)

    def _parsed(self, piece: _Piece) -> pa.Table:
        file, kinds = self.files[piece.file], self._kinds[piece.file]
        try:
            parser = examples.parser(self.schema, frozenset(kinds.items()), self.coded)
            return parser(piece.records)
        except tf.errors.OpError as error:
            numbers = itertools.chain(*piece.numbers)
            problem = _explained(file, numbers, piece.records, self.schema, kinds)
            raise SamplingError(problem or f"{file.file.path}: {error.message}") from None


def _look(file: TfRecordFile, schema: Schema, label: Label) -> dict[str, str]:
    """The kinds of a file's features, by its first records."""
    with file.file.open() as opened:
        data = files.read_range(opened, 0, int(file.starts[1]))
    records = file.records(data, 0)[:_LOOKED_AT]
    try:
        kinds = examples.kinds_of(records)
    except DecodeError:
        raise SamplingError(_explained(file, range(len(records)), records, schema, {})) from None
    examples.check_kinds(kinds, schema, file.file.path)
    for field in schema:
        if field.default is not None or field.mode == "REPEATED":
            kinds.setdefault(field.name, examples.kind_of(field))
    what = f"{file.file.path}, first {len(records):,} records"
    base.check_columns(kinds, schema, label, what)
    file.names = [name for name in schema.names if name in kinds]
    return {name: kinds[name] for name in file.names}


def _explained(
    file: TfRecordFile,
    numbers: Iterable[int],
    records: Sequence[bytes],
    schema: Schema,
    kinds: dict[str, str],
) -> str | None:
    """Record by record: which one it is."""
    for row, record in zip(numbers, records, strict=True):
        if problem := examples.explain(record, schema, kinds):
            return f"{file.file.path}, record {row:,}{problem}"
    return None


def _block_rows(file: TfRecordFile) -> np.ndarray:
    rows = np.full(len(file.starts) - 1, file.block_rows)
    rows[-1] = file.rows - file.block_rows * (len(rows) - 1)
    return rows
