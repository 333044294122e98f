"""Which format files are in, by their names, their first bytes or as said; and their blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import base, magic, packed, table
from sampling.formats.base import CountedBlocks, Label
from sampling.formats.columnar import arrow, parquet
from sampling.formats.columnar.groups import GroupedBlocks
from sampling.formats.csv.blocks import CsvBlocks
from sampling.formats.csv.options import CsvOptions
from sampling.formats.table import TableBlocks
from sampling.formats.tfrecord import tfrecord_file
from sampling.order.block_size import BlockSize
from sampling.schema import Schema

Blocks = CsvBlocks | CountedBlocks

_CODECS = (packed.GZIP, *packed.SEQUENTIAL)
FORMATS = (
    "csv",
    *(f"csv.{codec}" for codec in _CODECS),
    "parquet",
    "arrow",
    "tfrecord",
    *(f"tfrecord.{codec}" for codec in _CODECS),
)
_SHARD = re.compile(r"-\d+-of-\d+(?=\.|$)")  # data.tfrecord-00003-of-00010
_SUFFIXES = {".parquet": "parquet", ".pq": "parquet"}
_SUFFIXES |= dict.fromkeys((".arrow", ".arrows", ".feather", ".ipc"), "arrow")
_SUFFIXES |= dict.fromkeys((".csv", ".tsv", ".txt", ".tab"), "csv")
_SUFFIXES |= dict.fromkeys((".tfrecord", ".tfrecords", ".tfrec"), "tfrecord")


def format_of(path: str) -> str | None:
    """`data/a.parquet` -> "parquet"; None: the name does not say, or not what is in it."""
    name = _SHARD.sub("", path.lower())
    codec = next((codec for codec in _CODECS if name.endswith(f".{codec}")), None)
    inner = name[: -len(codec) - 1] if codec else name
    said = next((said for end, said in _SUFFIXES.items() if inner.endswith(end)), None)
    if codec is None:
        return said
    return f"{said}.{codec}" if said in ("csv", "tfrecord") else None


def look(file: files.File) -> str:
    """The format of a file that has some bytes, by its name, or by its first bytes.

    Raises:
        SamplingError: it is none that can be read.
    """
    said = format_of(file.path)
    if said not in (None, "tfrecord"):  # TFRecords may be packed without a word
        return str(said)
    with file.open() as opened:
        head = file.read(opened, 0, magic.HEAD_BYTES)
    known = magic.look(head)
    if known is None:
        is_framed = said == "tfrecord" or tfrecord_file.begins_like_one(head)
        return "tfrecord" if is_framed else "csv"
    what, found = known
    if found is None:
        raise SamplingError(
            f"{file.path} begins like {what}, expected one of {', '.join(FORMATS)}; convert the "
            "file, or fix the glob"
        )
    _, _, codec = found.partition(".")
    if not codec:
        return found
    is_framed = said == "tfrecord" or tfrecord_file.begins_like_one(packed.head(file, codec))
    return f"tfrecord.{codec}" if is_framed else found


def checked_format(file_format: str | None) -> str | None:
    """Raises SamplingError if it is none that can be read."""
    if file_format is not None and file_format not in FORMATS:
        raise SamplingError(
            f"file_format is {file_format!r}, expected one of {', '.join(map(repr, FORMATS))}, or "
            "None to go by the files' names and first bytes; fix it"
        )
    return file_format


def open_blocks(
    data: Any,
    role: str,
    schema: Schema,
    options: CsvOptions,
    block_size: BlockSize,
    label: Label = None,
    file_format: str | None = None,
) -> Blocks:
    """The files of one class, or its tables, cut into blocks.

    Args:
        data: a glob, path or folder, a DataFrame or a pyarrow table, or a list of either.
        role: what they are, for errors.
        schema: their columns.
        options: how they are written, if they are text; what is missing, in any format.
        block_size: how many rows a block should have.
        label: what the rows' label is where there is no label column.
        file_format: one of `FORMATS`; None: by the files' names and first bytes.

    Raises:
        SamplingError: nothing matches, files are of several formats, or do not fit the schema.
    """
    nulls = options.null_values
    if tables := _tables(data, role):
        return TableBlocks(tables, schema, nulls, block_size, label, role)
    listed = files.list_files(data, role)
    full = [file for file in listed if file.size]  # a shard of no byte is an empty one
    if not full:
        base.refuse_empty(listed, role)
    said = file_format or _one_format(full, role)
    inner, _, codec = said.partition(".")
    if codec:
        full = packed.index_files(full, codec)
    rest = block_size, label, role
    if inner == "csv":
        # Where there is a header, all shards count to it: the empty ones have none.
        return CsvBlocks(full, schema, options, *rest)
    if inner == "tfrecord":
        from sampling.formats.tfrecord.blocks import TfRecordBlocks  # TensorFlow takes its time

        return TfRecordBlocks(full, schema, nulls, *rest)
    make: Callable[..., Any] = parquet.ParquetFile if inner == "parquet" else arrow.ArrowFile
    opened = files.ahead(lambda file: make(file, schema, label), full, base.is_in_sequence(full))
    return GroupedBlocks(list(opened), schema, nulls, *rest)


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
    in_sequence = base.is_in_sequence(listed)
    first: dict[str, str] = {}  # a file of each format
    for file, said in zip(listed, files.ahead(look, listed, in_sequence), strict=True):
        first.setdefault(said, file.path)
    if len(first) > 1:
        found = " and ".join(f"{path} ({said})" for said, path in first.items())
        raise SamplingError(
            f"{role}: found files of several formats, {found}, expected one; fix the glob, or "
            "pass file_format= if their names mislead"
        )
    return next(iter(first))
