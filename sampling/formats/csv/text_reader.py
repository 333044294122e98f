"""The text of blocks: whole lines out of many places of many files, at little cost for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import base
from sampling.formats.csv import scanning
from sampling.formats.csv.csv_file import CsvFile

PARSE_BYTES = 2**20  # what one thread parses at a time


class BlockCuts(NamedTuple):
    """Where blocks begin and end in their files, in bytes; int64 [blocks] each."""

    starts: np.ndarray
    ends: np.ndarray
    file_of: np.ndarray


class Lines(NamedTuple):
    """Whole lines of one file, in pieces."""

    file: int
    pieces: list[memoryview]


class _Run(NamedTuple):
    """Neighbouring blocks of a file, for one read."""

    file: int
    start: int
    end: int
    is_first: bool  # of its file


class TextReader:
    """Reads blocks of CSV files.

    Args:
        opened: the files.
        cuts: the blocks.
        at_records: whether they are cut at rows; otherwise a block has the lines that start in it.
        slack: bytes to read past a block at first, to find the end of its last line.
        is_local: whether reads are cheap; otherwise several are in flight.
    """

    def __init__(
        self,
        opened: Sequence[CsvFile],
        cuts: BlockCuts,
        at_records: bool,
        slack: int,
        is_local: bool,
    ):
        self._files, self._cuts, self._at_records = opened, cuts, at_records
        self._slack, self._is_local = slack, is_local
        self._held_open = files.HeldOpen()

    def __call__(self, blocks: np.ndarray) -> Iterator[Lines]:
        """The lines of some blocks (sorted, int64 [n]) in order, some MiB of a file at a time.

        Raises:
            SamplingError: a line is too long, or a file has changed.
        """
        texts = files.ahead(self._texts, self._parts(blocks), self._is_local)
        yield from texts

    def _parts(self, blocks: np.ndarray) -> Iterator[list[_Run]]:
        """Runs of one file that are read by one call: each its own where a read is a request."""
        at_a_time = PARSE_BYTES if self._is_local else 0
        part: list[_Run] = []
        length = 0
        for run in self._runs(blocks):
            if part and (run.is_first or length >= at_a_time):
                yield part
                part, length = [], 0
            part.append(run)
            length += run.end - run.start
        if part:
            yield part

    def _runs(self, blocks: np.ndarray) -> Iterator[_Run]:
        cuts, file_of = self._cuts, self._cuts.file_of[blocks]
        pieces = cuts.starts[blocks] // PARSE_BYTES
        is_other_file = np.diff(file_of) != 0
        apart = (np.diff(blocks) > 1) | is_other_file | (np.diff(pieces) != 0)
        lasts = np.append(np.flatnonzero(apart), len(blocks) - 1)
        firsts = np.append(0, lasts[:-1] + 1)
        is_first = np.append(True, is_other_file)[firsts]
        runs = file_of[firsts], cuts.starts[blocks[firsts]], cuts.ends[blocks[lasts]], is_first
        return map(_Run._make, zip(*(each.tolist() for each in runs), strict=True))

    def _texts(self, runs: Sequence[_Run]) -> Lines:
        number = runs[0].file
        file = self._files[number]
        if runs[0].is_first:  # once for each reading: looking costs as much as a short read
            file.file.check_unchanged()
        with base.open_held(file.file, self._held_open) as opened:
            if self._at_records:
                read = [memoryview(file.file.read(opened, run.start, run.end)) for run in runs]
            else:
                spans = [(run.start, run.end) for run in runs]
                try:
                    read = scanning.read_lines(opened, file.file, file.begin, spans, self._slack)
                except scanning.LongRecordError as error:
                    raise SamplingError(too_long(file, error)) from None
        if read[-1] and read[-1][-1:] != b"\n":  # the file's last line
            read[-1] = memoryview(bytes(read[-1]) + b"\n")
        return Lines(number, read)


def newlines_before(file: CsvFile, offset: int) -> int:
    with file.file.open() as opened:
        return sum(
            file.file.read(opened, start, min(offset, start + 2**22)).count(b"\n")
            for start in range(0, offset, 2**22)
        )


def too_long(file: CsvFile, error: scanning.LongRecordError) -> str:
    """What to say of a row that is longer than is taken."""
    line = newlines_before(file, error.offset) + 1
    return (
        f"{file.file.path}, line {line}: found a row of more than {scanning.RECORD_BYTES:,} bytes, "
        "expected less, as much as memory allows; fix the row, or the quotes around its fields"
    )
