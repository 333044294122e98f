"""Which format files are in, by their names or as said, and the blocks of one class of files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import gzipped, table
from sampling.formats.base import CountedBlocks, Label
from sampling.formats.csv.blocks import CsvBlocks
from sampling.formats.csv.parsing import CsvOptions
from sampling.formats.parquet import ParquetBlocks
from sampling.formats.table import TableBlocks
from sampling.schema import Schema

Blocks = CsvBlocks | CountedBlocks

_SHARD = re.compile(r"-\d+-of-\d+$")  # data.tfrecord-00003-of-00010
_SUFFIXES = {".parquet": "parquet", ".pq": "parquet"}
for _end in (".tfrecord", ".tfrecords", ".tfrec"):
    _SUFFIXES |= {_end: "tfrecord", _end + ".gz": "tfrecord.gz"}
_SUFFIXES[".gz"] = "csv.gz"  # the last to be tried
_OPENERS: dict[str, Callable[..., Blocks]] = {
    "csv": lambda listed, schema, options, *rest: CsvBlocks(listed, schema, options, *rest),
    "csv.gz": lambda listed, *rest: CsvBlocks(gzipped.index_files(listed), *rest),
    "parquet": lambda listed, schema, options, *rest: ParquetBlocks(listed, schema, *rest),
    "tfrecord": lambda listed, schema, options, *rest: _tfrecord(listed, schema, *rest),
    "tfrecord.gz": lambda listed, schema, options, *rest: _tfrecord(
        gzipped.index_files(listed), schema, *rest
    ),
}
FORMATS = tuple(_OPENERS)


def format_of(path: str) -> str:
    """`data/a.parquet` -> "parquet"; what has another name is text, "csv"."""
    name = _SHARD.sub("", path.lower())
    return next((said for end, said in _SUFFIXES.items() if name.endswith(end)), "csv")


def checked_format(file_format: str | None) -> str | None:
    """Raises SamplingError if it is none that can be read."""
    if file_format is not None and file_format not in FORMATS:
        raise SamplingError(
            f"file_format is {file_format!r}, expected one of {', '.join(map(repr, FORMATS))}, or "
            "None to go by the files' names; fix it"
        )
    return file_format


def open_blocks(
    data: Any,
    role: str,
    schema: Schema,
    options: CsvOptions,
    block_rows: int,
    label: Label = None,
    file_format: str | None = None,
) -> Blocks:
    """The files of one class, or its tables, cut into blocks.

    Args:
        data: a glob, path or folder, a DataFrame or a pyarrow table, or a list of either.
        role: what they are, for errors.
        schema: their columns.
        options: how they are written, if they are text.
        block_rows: about how many rows a block should have.
        label: what the rows' label is where there is no label column.
        file_format: one of `FORMATS`; None: by the files' names.

    Raises:
        SamplingError: nothing matches, files are of several formats, or do not fit the schema.
    """
    if tables := _tables(data, role):
        return TableBlocks(tables, schema, block_rows, label, role)
    listed = files.list_files(data, role)
    said = file_format or _one_format(listed, role)
    return _OPENERS[said](listed, schema, options, block_rows, label, role)


def _tfrecord(listed: Sequence[files.File], *rest: Any) -> Blocks:
    from sampling.formats.tfrecord.blocks import (
        TfRecordBlocks,  # TensorFlow takes its time to import
    )

    return TfRecordBlocks(listed, *rest)


def _tables(data: Any, role: str) -> list[Any]:
    listed = data if isinstance(data, (list, tuple)) else [data]
    tables = [item for item in listed if table.is_table(item)]
    if tables and len(tables) < len(listed):
        raise SamplingError(
            f"{role} has tables and globs, expected one or the other; read the files into a table, "
            "or write the table to a file"
        )
    return tables


def _one_format(listed: Sequence[files.File], role: str) -> str:
    first: dict[str, str] = {}  # a file of each format
    for file in listed:
        first.setdefault(format_of(file.path), file.path)
    if len(first) > 1:
        found = " and ".join(f"{path} ({said})" for said, path in first.items())
        raise SamplingError(
            f"{role}: found files of several formats, {found}, expected one; fix the glob, or "
            "pass file_format= if their names mislead"
        )
    return next(iter(first))
