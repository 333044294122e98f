"""What Parquet and Arrow files share: their bytes as pyarrow asks for them, columns, and damage."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import pyarrow as pa

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import base
from sampling.formats.base import Label
from sampling.formats.values import partitions, types
from sampling.schema import Schema


class FoundColumns(NamedTuple):
    """A file's columns, by the names that the schema's fields have.

    Args:
        types: of all of them.
        names: of those that are read.
        left_out: the names of the others.
    """

    types: pa.Schema
    names: list[str]
    left_out: list[str]

    @property
    def types_read(self) -> pa.Schema:
        return pa.schema([self.types.field(name) for name in self.names])


def find_columns(called: pa.Schema, schema: Schema, label: Label, path: str) -> FoundColumns:
    """The columns of a file, checked.

    Args:
        called: as the file calls them.
        schema: what columns it should have; others are not read.
        label: see `CountedBlocks`.

    Raises:
        SamplingError: it lacks a column, or has one of another type.
    """
    own = schema.names_of(called.names)
    found = pa.schema([column.with_name(n) for column, n in zip(called, own, strict=True)])
    base.check_columns({*own, *partitions.of_path(path)}, schema, label, path)
    types.check_types(found, schema, path)
    there, known = set(own), set(schema.names)
    names = [name for name in schema.names if name in there]
    return FoundColumns(found, names, [name for name in own if name not in known])


@contextlib.contextmanager
def damage_told(place: str, reader: str, whole: str) -> Iterator[None]:
    """Turns what pyarrow raises of a damaged file into a sentence.

    Args:
        place: the file, and where in it.
        reader: what can't be read from it: "Parquet".
        whole: what it should be: "Parquet file".

    Raises:
        SamplingError: what is read meanwhile is damaged.
    """
    try:
        yield
    except (FileNotFoundError, PermissionError, files.ServiceError, SamplingError):
        raise
    except (
        pa.ArrowException,
        OSError,
        UnicodeDecodeError,
        LookupError,
        StopIteration,
    ) as error:
        found = str(error).strip().partition("\n")[0] or "it ends too early"
        raise SamplingError(
            f"{place}: found what {reader} can't be read from ({found}), "
            f"expected a whole {whole}; copy or write it anew"
        ) from None


def source(opened: BinaryIO, size: int, end: bytes | None = None) -> pa.PythonFile:
    """An opened file of so many bytes, as pyarrow reads from it.

    Args:
        end: how it ends, as far as that is known: then all else that pyarrow asks for is read as it
            is asked for, by requests that are worth it. None: a little more is read each time.
    """
    readable = _Readable(opened, size) if end is None else _Planned(opened, size, end)
    return pa.PythonFile(readable, "r")


class _Readable(io.RawIOBase):
    """What `files.open_binary` opens, with all that pyarrow asks of a file."""

    def __init__(self, opened: BinaryIO, size: int):
        self._opened, self._size = opened, size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._opened.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._size}[whence]
        self._opened.seek(begin + offset)
        return begin + offset

    def read(self, size: int = -1) -> bytes:
        return self._opened.read(size if size >= 0 else self._size - self.tell())


class _Planned(files.Positioned):
    """The same, for reads of whole groups."""

    def __init__(self, opened: BinaryIO, size: int, end: bytes):
        super().__init__(size)
        self._opened, self._end = opened, end

    def read(self, size: int = -1) -> bytes:
        start = self._position
        self._position = stop = self._size if size < 0 else min(self._size, start + size)
        known = self._size - len(self._end)
        if start >= known:
            return self._end[start - known : stop - known]
        return files.read_range(self._opened, start, stop)
