"""One TFRecord file: where its records are, and what they hold, checked.

A record is its length (8 bytes, little-endian), a checksum of these, the data, a checksum of them.
A checksum is a CRC32C, rotated and with a constant added (tensorflow/core/lib/hash/crc32c.h).
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Sequence
from typing import NoReturn

import google_crc32c
import numpy as np

from sampling import files
from sampling.errors import SamplingError

_PIECE_BYTES = 4 * 2**20
_HEAD_BYTES, _FRAME_BYTES = 12, 16  # before the data, and around them
_HEAD = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")


class TfRecordFile:
    """A listed file whose records have been found, by their lengths: one pass over it.

    Attributes:
        rows: how many records it has.
        block_rows: how many each block has; the last one may have fewer.
        starts: int64 [blocks + 1], where each block begins, and the end of the file.
        names: of the features that are read, once it has been looked at.
        left_out: the names of others that its first records have.

    Args:
        file: as listed.
        rows_of: bytes of a record -> how many rows a block should have.
        block_bytes: at most, where a record is not larger.

    Raises:
        SamplingError: it is no TFRecord file, or ends in the midst of a record.
    """

    def __init__(self, file: files.File, rows_of: Callable[[float], int], block_bytes: int):
        self.file, self.block_rows, self._rows_of = file, 1, rows_of
        self.names: Sequence[str] = ()
        self.left_out: Sequence[str] = ()
        self.rows, self.starts = self._find(block_bytes)

    def records(self, data: bytes, block: int) -> list[bytes]:
        """What the records of some blocks hold.

        Args:
            data: the bytes of whole blocks, one after the other.
            block: the first one.

        Raises:
            SamplingError: a checksum does not fit; record and byte are named.
        """
        found: list[bytes] = []
        at, size = 0, len(data)
        while at + _FRAME_BYTES <= size:
            length, of_length = _HEAD.unpack_from(data, at)
            end = at + _HEAD_BYTES + length
            if of_length != _checksum_of_length(length) or end + _CHECKSUM.size > size:
                break
            record = data[at + _HEAD_BYTES : end]
            if _CHECKSUM.unpack_from(data, end)[0] != _checksum(record):
                break
            found.append(record)
            at = end + _CHECKSUM.size
        if at < size:
            number, byte = block * self.block_rows + len(found), int(self.starts[block]) + at
            self._refuse(number, byte, "a checksum that does not fit")
        return found

    def _find(self, block_bytes: int) -> tuple[int, np.ndarray]:
        rows, starts = 0, [np.zeros(0, np.int64)]
        position, size, unpack = 0, self.file.size, _LENGTH.unpack_from
        with self.file.open() as opened:
            while position < size:
                data = self.file.read(opened, position, position + _PIECE_BYTES)
                found, at, last = [], 0, len(data) - _HEAD_BYTES
                while at <= last:
                    found.append(at)
                    at += unpack(data, at)[0] + _FRAME_BYTES
                if position == 0 and found:
                    wanted, most = self._rows_of(at / len(found)), block_bytes * len(found) // at
                    self.block_rows = max(1, min(wanted, most))
                of_blocks = found[-rows % self.block_rows :: self.block_rows]
                starts.append(np.array(of_blocks, np.int64) + position)
                rows, position = rows + len(found), position + at
                if not found or position > size:
                    self._refuse_end()
        return rows, np.concatenate([*starts, [size]])

    def _refuse_end(self) -> NoReturn:
        """The first record whose length does not fit its checksum, or the last one."""
        record, at, size = 0, 0, self.file.size
        with self.file.open() as opened:
            while True:
                head = self.file.read(opened, at, at + _HEAD_BYTES)
                end = at + _FRAME_BYTES
                if len(head) == _HEAD_BYTES:
                    length, of_length = _HEAD.unpack(head)
                    if of_length != _checksum_of_length(length):
                        self._refuse(record, at, "a length whose checksum does not fit")
                    end += length
                if end > size:
                    self._refuse(record, at, "the end of the file in the midst of it")
                record, at = record + 1, end

    def _refuse(self, record: int, start: int, found: str) -> NoReturn:
        raise SamplingError(
            f"{self.file.path}, record {record:,} at byte {start:,}: found {found}, expected a "
            "whole TFRecord file; copy or write it anew"
        )


def begins_like_one(head: bytes) -> bool:
    """Whether a file with these first bytes holds TFRecords: a length, and its checksum."""
    if len(head) < _HEAD_BYTES:
        return False
    length, of_length = _HEAD.unpack_from(head)
    return bool(of_length == _checksum_of_length(length))


def _checksum(data: bytes) -> int:
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@functools.lru_cache(4096)  # records of a file are of few lengths
def _checksum_of_length(length: int) -> int:
    return _checksum(_LENGTH.pack(length))
