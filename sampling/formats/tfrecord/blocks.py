"""TFRecord files of tf.train.Examples, of one class: blocks are runs of records."""

from __future__ import annotations

import contextlib
import functools
import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow as tf
from google.protobuf.message import DecodeError

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import base, packed
from sampling.formats.base import HELD_BYTES, CountedBlocks, Label
from sampling.formats.tfrecord import examples
from sampling.formats.tfrecord.tfrecord_file import TfRecordFile
from sampling.formats.values import partitions, types
from sampling.order.block_size import BlockSize
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
        schema: the features that are read. Where a record lacks one, or has it without a value, the
            value is missing; the first 100 records must have label, weight and REQUIRED ones.
        null_values: spellings of a missing value.
        block_size: how many rows a block should have.
        label, role: see `CountedBlocks`.

    Raises:
        SamplingError: a file does not fit the schema, or is damaged, or there is no row.
    """

    def __init__(
        self,
        listed: Sequence[files.File],
        schema: Schema,
        null_values: Sequence[str],
        block_size: BlockSize,
        label: Label,
        role: str,
    ):
        block_bytes = HELD_BYTES // _LEAST_PIECES
        worth_a_read = base.read_bytes(listed)

        def rows_of(record_bytes: float) -> int:
            return block_size.rows(record_bytes, worth_a_read)

        self._in_sequence = base.is_in_sequence(listed)
        found = files.ahead(
            lambda file: TfRecordFile(file, rows_of, block_bytes), listed, self._in_sequence
        )
        opened = [file for file in found if file.rows]
        if not opened:
            base.refuse_empty(listed, role, "record")
        looked = files.ahead(lambda file: _look(file, schema, label), opened, self._in_sequence)
        self._kinds = list(looked)
        self._held_open = files.HeldOpen()
        if unseen := set.intersection(*(kinds.supposed for kinds in self._kinds)):
            warnings.warn(
                f"{role}: the first records of the files lack "
                f"{types.names_shown([n for n in schema.names if n in unseen])}, which are taken "
                "for missing where a record lacks them; fix the schema if a name is wrong",
                stacklevel=2,
            )
        self._is_loose = False  # once it has been seen that the files need it
        super().__init__(opened, schema, null_values, label, role)
        blocks = [len(file.starts) - 1 for file in opened]
        self._first_block = np.cumsum(blocks) - blocks  # by file
        self._set_blocks(
            np.concatenate([_block_rows(file) for file in opened]),
            np.repeat(np.arange(len(opened)), blocks),
            np.concatenate([packed.stretch_sizes(file.file, file.starts[:-1]) for file in opened]),
            self.total_bytes / sum(file.rows for file in opened),
            packed.under_way_together([file.file for file in opened], base.MOST_AT_A_TIME),
        )

    def _tables(self, blocks: np.ndarray, names: Sequence[str]) -> Iterator[pa.Table]:
        with ThreadPoolExecutor(pa.cpu_count()) as threads:  # the next are read while they parse
            parsed = functools.partial(self._parsed, names=names)
            yield from threads.map(parsed, self._pieces(blocks))

    def _pieces(self, blocks: np.ndarray) -> Iterator[_Piece]:
        """Records of one file, of some MiB; those of the blocks in all."""
        read = files.ahead(self._read_run, self._runs(blocks), self._in_sequence)
        for index, of_file in itertools.groupby(read, key=lambda each: each[0]):
            piece = _Piece(index, [], [])
            length = 0
            for _, first, data in of_file:
                found = self.files[index].records(data, first)
                number = first * self.files[index].block_rows
                piece.numbers.append(range(number, number + len(found)))
                piece.records.extend(found)
                length += len(data)
                if length >= _PARSE_BYTES:
                    yield piece
                    piece, length = _Piece(index, [], []), 0
            if piece.records:
                yield piece

    def _runs(self, blocks: np.ndarray) -> Iterator[tuple[int, int, int]]:
        """Neighbouring blocks of a file, for one read: (file, first block in it, last one)."""
        for index in np.unique(self._file_of[blocks]).tolist():
            file: TfRecordFile = self.files[index]
            file.file.check_unchanged()
            of_file = blocks[self._file_of[blocks] == index] - self._first_block[index]
            apart = np.diff(of_file) > 1
            apart |= np.diff(file.starts[of_file] // _PARSE_BYTES) > 0
            for run in np.split(of_file, np.flatnonzero(apart) + 1):
                yield index, int(run[0]), int(run[-1])

    def _read_run(self, run: tuple[int, int, int]) -> tuple[int, int, bytes]:
        """(file, first block in it, bytes)"""
        index, first, last = run
        file: TfRecordFile = self.files[index]
        with base.open_held(file.file, self._held_open) as opened:
            data = file.file.read(opened, int(file.starts[first]), int(file.starts[last + 1]))
        return index, first, data

    def _parsed(self, piece: _Piece, names: Sequence[str]) -> pa.Table:
        file, kinds = self.files[piece.file], self._kinds[piece.file]
        while not self._is_loose:
            try:
                return self._parser(file, kinds, names, loose=False)(piece.records)
            except (tf.errors.OpError, examples.UncertainError):
                if not self._learn(kinds, piece.records):
                    break  # something is missing, or wrong
        try:
            table = self._parser(file, kinds, names, loose=True)(piece.records)
        except tf.errors.OpError as error:
            numbers = itertools.chain(*piece.numbers)
            problem = _explained(file, numbers, piece.records, self.schema, kinds)
            raise SamplingError(problem or f"{file.file.path}: {error.message}") from None
        self._is_loose = True
        return table

    def _parser(
        self, file: TfRecordFile, kinds: _Kinds, names: Sequence[str], loose: bool
    ) -> examples.ExampleParser:
        fields = tuple(self.schema[name] for name in base.names_in(file, names))
        of_fields = frozenset((field.name, kinds.known[field.name]) for field in fields)
        coded = [f.name for f in fields if self.coded and types.can_be_coded(f, self.schema)]
        called = frozenset((f.name, kinds.called.get(f.name, f.name)) for f in fields)
        return examples.parser(fields, of_fields, frozenset(coded), called, loose)

    def _learn(self, kinds: _Kinds, records: Sequence[bytes]) -> bool:
        """Whether a feature is there that no record has had so far: of its kind it is from now."""
        with contextlib.suppress(DecodeError):  # told where records are explained
            found, called = _by_own_names(examples.kinds_of(records), self.schema)
            examples.check_kinds(found, self.schema, self.role)
            for name in kinds.supposed & found.keys():
                kinds.supposed.discard(name)
                if name in called:
                    kinds.called[name] = called[name]
                    return True
                if kinds.known[name] != found[name]:
                    kinds.known[name] = found[name]
                    return True
        return False


class _Kinds(NamedTuple):
    """The kinds of a file's features, the names of those that no record has shown so far, and what
    the file calls those that it has by their aliases."""

    known: dict[str, str]
    supposed: set[str]
    called: dict[str, str]


def _by_own_names(kinds: dict[str, str], schema: Schema) -> tuple[dict[str, str], dict[str, str]]:
    """Kinds of features by the fields' names, and what records call those of other names."""
    names = schema.names_of(list(kinds))
    called = {name: was for name, was in zip(names, kinds, strict=True) if name != was}
    return dict(zip(names, kinds.values(), strict=True)), called


def _look(file: TfRecordFile, schema: Schema, label: Label) -> _Kinds:
    """The kinds of a file's features, by its first records."""
    blocks = min(-(-_LOOKED_AT // file.block_rows), len(file.starts) - 1)
    with file.file.open() as opened:
        data = file.file.read(opened, 0, int(file.starts[blocks]))
    records = file.records(data, 0)[:_LOOKED_AT]
    try:
        found, called = _by_own_names(examples.kinds_of(records), schema)
    except DecodeError:
        nothing = _Kinds({}, set(), {})
        explained = _explained(file, range(len(records)), records, schema, nothing)
        raise SamplingError(explained) from None
    examples.check_kinds(found, schema, file.file.path)
    of_path = partitions.of_path(file.file.path)
    may_lack = {field.name for field in schema if schema.allows_empty(field)}
    known = {field.name: examples.kind_of(field) for field in schema if field.name in may_lack}
    supposed = {name for name in known if name not in found and name not in of_path}
    what = f"{file.file.path}, first {len(records):,} records"
    base.check_columns({*found, *supposed, *of_path}, schema, label, what)
    file.names = [name for name in schema.names if name in found or name in supposed]
    listed = set(schema.names)
    file.left_out = [name for name in found if name not in listed]
    return _Kinds({**known, **{n: found[n] for n in file.names if n in found}}, supposed, called)


def _explained(
    file: TfRecordFile,
    numbers: Iterable[int],
    records: Sequence[bytes],
    schema: Schema,
    kinds: _Kinds,
) -> str | None:
    """Record by record: which one it is."""
    for row, record in zip(numbers, records, strict=True):
        if problem := examples.explain(record, schema, kinds.known, kinds.called):
            return f"{file.file.path}, record {row:,}{problem}"
    return None


def _block_rows(file: TfRecordFile) -> np.ndarray:
    rows = np.full(len(file.starts) - 1, file.block_rows)
    rows[-1] = file.rows - file.block_rows * (len(rows) - 1)
    return rows
