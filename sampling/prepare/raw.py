"""Files and tables without a schema: their own columns, some MiB at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import packed
from sampling.formats import table as tables
from sampling.formats.columnar import arrow, opening
from sampling.formats.values import partitions
from sampling.schema.inferring.sketch import family_of

_AT_A_TIME = 65_536  # rows
_BLOCK_ROWS, _BLOCK_BYTES = 4096, 4 * 2**20
_HEAD_BYTES = 2**18


class RawPiece(NamedTuple):
    """Some rows, how much of all has been read with them, and the names of columns left out.

    What is none of values (structs, maps) is left out.
    """

    table: pa.Table
    bytes: float
    left_out: tuple[str, ...] = ()


def head(file: files.File, file_format: str, encoding: str) -> str:
    """The first whole lines of a text file; what is no such text is told when it is read."""
    if codec := file_format.partition(".")[2]:
        data = packed.head(file, codec, _HEAD_BYTES)
    else:
        with file.open() as opened:
            data = file.read(opened, 0, _HEAD_BYTES)
    whole = data[: data.rfind(b"\n") + 1] if len(data) >= _HEAD_BYTES else data
    return (whole or data).decode(encoding, "replace").removeprefix("\ufeff")


def typed(listed: Sequence[files.File], file_format: str) -> Iterator[RawPiece]:
    """The rows of files that name types, file after file.

    Raises:
        SamplingError: a file is damaged.
    """
    read = {"parquet": _parquet, "arrow": _arrow}.get(file_format, _examples)
    for file in listed:
        if file.size:  # a shard of no byte is an empty one
            of_path = partitions.of_path(file.path)
            for piece in read(file, file_format):
                yield piece._replace(table=_with(piece.table, of_path))


def of_tables(data: Sequence[Any]) -> Iterator[RawPiece]:
    """The rows of DataFrames and pyarrow tables.

    Raises:
        SamplingError: a column of a DataFrame has values of several kinds.
    """
    for given in data:
        table = given if isinstance(given, pa.Table) else _from_pandas(given)
        for start in range(0, table.num_rows, _AT_A_TIME):
            rows = table.slice(start, _AT_A_TIME)
            yield _piece(rows, rows.num_rows)


def are_tables(data: Any) -> list[Any]:
    """The tables that were given; none where files were."""
    listed = data if isinstance(data, (list, tuple)) else [data]
    return [item for item in listed if tables.is_table(item)]


def _parquet(file: files.File, file_format: str) -> Iterator[RawPiece]:
    told = opening.damage_told(file.path, "Parquet", "Parquet file")
    with told, files.open_binary(file.path) as opened:
        source = opening.source(opened, file.size)
        with pq.ParquetFile(source, buffer_size=2**20, page_checksum_verification=True) as parquet:
            row_bytes = file.size / max(1, parquet.metadata.num_rows)
            for batch in parquet.iter_batches(_AT_A_TIME, use_threads=False):
                rows = pa.Table.from_batches([batch])
                yield _piece(rows, rows.num_rows * row_bytes)


def _arrow(file: files.File, file_format: str) -> Iterator[RawPiece]:
    found = arrow.ArrowFile(file, None, None)
    row_bytes = file.size / max(1, found.group_rows.sum())
    for group in range(len(found.group_rows)):
        rows = found.read([group], found.names, False)
        for start in range(0, rows.num_rows, _AT_A_TIME):
            piece = rows.slice(start, _AT_A_TIME)
            yield _piece(piece, piece.num_rows * row_bytes)


def _examples(file: files.File, file_format: str) -> Iterator[RawPiece]:
    from google.protobuf.message import DecodeError

    from sampling.formats.tfrecord.tfrecord_file import TfRecordFile

    size = file.size
    if codec := file_format.partition(".")[2]:
        [file] = packed.index_files([file], codec)
    records = TfRecordFile(file, lambda record_bytes: _BLOCK_ROWS, _BLOCK_BYTES)
    for block, (start, end) in enumerate(zip(records.starts, records.starts[1:], strict=False)):
        with file.open() as opened:
            data = file.read(opened, int(start), int(end))
        try:
            rows = _of_examples(records.records(data, block))
        except DecodeError:
            raise SamplingError(
                f"{file.path}, records from {block * records.block_rows:,} on: found bytes that "
                "are no tf.train.Example, expected one; write the file anew"
            ) from None
        yield RawPiece(rows, (end - start) / max(1, file.size) * size)


def _of_examples(records: Sequence[bytes]) -> pa.Table:
    """A column of lists for each feature that a record has."""
    import tensorflow as tf

    types = {"bytes_list": pa.binary(), "int64_list": pa.int64(), "float_list": pa.float32()}
    columns: dict[str, list[Any]] = {}
    kinds: dict[str, str] = {}
    for row, record in enumerate(records):
        for name, feature in tf.train.Example.FromString(record).features.feature.items():
            kind = feature.WhichOneof("kind")
            if kind is None:
                continue
            if kinds.setdefault(name, kind) != kind:
                raise SamplingError(
                    f"feature {name!r}: found the kind {kind} beside {kinds[name]}, expected one; "
                    "write the files anew"
                )
            column = columns.setdefault(name, [])
            column += [None] * (row - len(column))
            column.append(list(getattr(feature, kind).value))
    arrays = {
        name: pa.array(column + [None] * (len(records) - len(column)), pa.list_(types[kinds[name]]))
        for name, column in sorted(columns.items())  # an Example keeps no order
    }
    return pa.table(arrays)


def _with(table: pa.Table, of_path: Mapping[str, str]) -> pa.Table:
    """A table with the columns that its file's path has and the file lacks."""
    for name, value in of_path.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.repeat(value, table.num_rows))
    return table


def _piece(table: pa.Table, size: float) -> RawPiece:
    names = [field.name for field in table.schema if family_of(field.type)]
    return RawPiece(
        table.select(names), size, tuple(n for n in table.column_names if n not in names)
    )


def _from_pandas(frame: Any) -> pa.Table:
    arrays = {}
    for name, column in frame.items():
        try:
            arrays[str(name)] = pa.array(column, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise SamplingError(
                f"column {name!r} of the DataFrame holds values of several kinds ({error}), "
                "expected one; convert it"
            ) from None
    return pa.table(arrays)
