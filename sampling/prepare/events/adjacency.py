"""Files with a user and all its items on a line, as a file of pairs."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import lzma
import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import registry

_OPENERS: dict[str, Any] = {
    "": lambda file: file,
    "gz": gzip.open,
    "bz2": bz2.open,
    "xz": lzma.open,
}


@contextlib.contextmanager
def as_pairs(
    globs: files.Globs, columns: Sequence[str], delimiter: str | None, encoding: str
) -> Iterator[str]:
    """The path of a CSV file of pairs with a header, which is there meanwhile.

    Args:
        columns: what users and items are called.
        delimiter: between a user and its items; None: blanks or tabs.
        encoding: of the text.

    Raises:
        SamplingError: a file is no such text.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "pairs.csv")
        with open(path, "w", newline="", encoding="utf-8") as pairs:
            writer = csv.writer(pairs, lineterminator="\n")
            writer.writerow(columns)
            for file in files.list_files(globs, "files"):
                for user, items in _lines(file, delimiter, encoding):
                    writer.writerows((user, item) for item in items)
        yield path


def _lines(
    file: files.File, delimiter: str | None, encoding: str
) -> Iterator[tuple[str, list[str]]]:
    codec = registry.look(file).partition(".")[2] if file.size else ""
    if codec not in _OPENERS:
        raise SamplingError(
            f"{file.path} is packed by {codec}, expected plain text, gz, bz2 or xz; unpack it"
        )
    number = 0  # of lines read
    try:
        with files.open_binary(file.path) as opened, _text(opened, codec, encoding) as lines:
            for line in lines:
                number += 1
                user, *items = line.strip().split(delimiter) or [""]
                if user:  # a blank line is none
                    yield user, [item for item in items if item]
    except (UnicodeDecodeError, EOFError, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise SamplingError(
            f"{file.path}, after line {number}: found no text in {encoding} ({error}), expected a "
            "user and its items on each line; fix --encoding or the file"
        ) from None


def _text(opened: BinaryIO, codec: str, encoding: str) -> io.TextIOWrapper:
    unpacked = _OPENERS[codec](opened)
    buffered = io.BufferedReader(unpacked, 2**20) if codec == "" else unpacked
    return io.TextIOWrapper(buffered, encoding, newline="\n")
