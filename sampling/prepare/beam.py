"""The same on many machines: Apache Beam pipelines for split, count and vocab.

The unit of work is a chunk of the raw files. What happens to its rows is the code that runs on one
machine, so the shards that come out are the same, byte for byte. All workers have to see the files
and the output: a bucket, or a disk that they share.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from sampling import files
from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.files.manifest import Written
from sampling.formats.writing import Layout
from sampling.prepare import count as counting
from sampling.prepare.source import Chunk, Source
from sampling.prepare.splitting import split as splitting
from sampling.prepare.splitting.assign import Assignment, Destination, Piece
from sampling.schema.inferring.sketch import ColumnSketch

Open = Callable[[], Source]
Key = tuple[str, str, int]  # of a Destination
Packed = tuple[int, bytes, dict[str, int]]  # number of the chunk, and a Piece of it
_SKETCH = ""  # in place of a split, whose name is never empty
_SUMS = beam.CombinePerKey(sum), beam.Map(list)
_MOST_PARTITIONS = 256  # each opens the files
OfChunk = Callable[[Source, int, Chunk], Iterable[Any]]


def split(
    open_source: Open,
    output: str | os.PathLike[str],
    assignment: Assignment,
    layout: Layout,
    overwrite: bool,
    options: Sequence[str],
) -> dict[str, Any]:
    """`split.split` as a pipeline; a shard's rows have to fit the memory of one worker.

    Args:
        open_source: opens the raw files, on every worker.
        options: Beam's own flags.

    Returns:
        The manifest.

    Raises:
        SamplingError: as `split.split`.
    """
    source = open_source()
    splitting.check(source, layout)
    with files.folder(output, overwrite) as stage:
        firsts = None
        if assignment.key is None:
            firsts = _first_rows(f"{stage}/.counted", source, open_source, options)
        pieces = _PerChunk(open_source, partial(_pieces, assignment, firsts))
        write = beam.MapTuple(partial(_of_key, stage, layout, assignment))
        written = run(
            f"{stage}/.written", options, _numbered(source), pieces, [beam.GroupByKey(), write]
        )
        shards = [Written(*values) for values in written if values[0] != _SKETCH]
        sketches = {
            values[1]: pickle.loads(base64.b64decode(values[2]))
            for values in written
            if values[0] == _SKETCH
        }
        return splitting.finish(stage, shards, source, assignment, layout, sketches)


def count(open_source: Open, output: str, options: Sequence[str]) -> counting.Counts:
    """`count.count` as a pipeline; what it finds passes through a file beside `output`."""
    by_label = _PerChunk(open_source, _rows_by_label)
    with _beside(output) as path:
        counted = run(path, options, _numbered(open_source()), by_label, _SUMS)
    of_files = sorted((path, Counter({label: rows})) for (path, label), rows in counted)
    return counting.total(of_files)


def vocab(open_source: Open, column: str, output: str, options: Sequence[str]) -> dict[str, int]:
    """`vocab.count` as a pipeline; what it finds passes through a file beside `output`."""
    by_value = _PerChunk(open_source, partial(_rows_by_value, column))
    with _beside(output) as path:
        return dict(run(path, options, _numbered(open_source()), by_value, _SUMS))


@contextlib.contextmanager
def _beside(output: str) -> Iterator[str]:
    """Where results may pass through."""
    if not files.is_local(output):
        yield f"{output}.counted"
        return
    with files.staged(os.path.realpath(output)) as stage:
        yield os.path.join(stage, "counted")


def _first_rows(path: str, source: Source, open_source: Open, options: Sequence[str]) -> list[int]:
    """The number within its file of each chunk's first row."""

    counted = run(path, options, _numbered(source), _PerChunk(open_source, _number_of_rows))
    rows, done, firsts = dict(counted), Counter[str](), []
    for number, chunk in enumerate(source.chunks()):
        firsts.append(done[chunk.path])
        done[chunk.path] += rows[number]
    return firsts


def _number_of_rows(source: Source, number: int, chunk: Chunk) -> Iterator[list[int]]:
    yield [number, source.read(chunk).num_rows]


def _pieces(
    assignment: Assignment,
    firsts: Sequence[int] | None,
    source: Source,
    number: int,
    chunk: Chunk,
) -> Iterator[tuple[Key, Packed]]:
    rows = source.read_rows(chunk, firsts[number] if firsts else 0)
    found = splitting.assigned(source, chunk, rows, assignment)
    for piece in found:
        split_, class_, shard = piece.destination
        yield (split_, class_, shard), (number, _packed(piece.table), dict(piece.classes))
    for name, sketch in splitting.sketched(rows, found, assignment).columns.items():
        yield (_SKETCH, name, 0), (number, pickle.dumps(sketch), {})


def _of_key(
    stage: str, layout: Layout, assignment: Assignment, key: Key, packed: Iterable[Packed]
) -> list[Any]:
    """What has one key in all chunks: the pieces of a shard, or the sketches of a column."""
    if key[0] != _SKETCH:
        return _write_shard(stage, layout, assignment, key, packed)
    whole = ColumnSketch()
    for _, data, _ in sorted(packed):
        whole.merge(pickle.loads(data))
    return [_SKETCH, key[1], base64.b64encode(pickle.dumps(whole)).decode()]


def _write_shard(
    stage: str, layout: Layout, assignment: Assignment, key: Key, packed: Iterable[Packed]
) -> list[Any]:
    """Writes one shard, its pieces in the order of the files; a second attempt replaces a first."""
    to = Destination(*key)
    nowhere = np.zeros(0, np.int64)
    pieces = (Piece(to, _unpacked(data), classes, nowhere) for _, data, classes in sorted(packed))
    attempt = f"{stage}/.{uuid.uuid4().hex}"
    [written] = splitting.write(pieces, attempt, layout, assignment)
    files.move(f"{attempt}/{written.path}", f"{stage}/{written.path}")
    files.remove(attempt)
    return list(written._replace(classes=dict(written.classes)))


def _rows_by_label(
    source: Source, number: int, chunk: Chunk
) -> Iterator[tuple[tuple[str, str], int]]:
    for label, rows in counting.of_table(source.read(chunk), source.schema.label).items():
        yield (chunk.path, label), rows


def _rows_by_value(
    column: str, source: Source, number: int, chunk: Chunk
) -> Iterable[tuple[str, int]]:
    return manifest.value_counts(source.read(chunk).column(column)).items()


class _PerChunk(beam.DoFn):
    """What a function makes of each chunk; every worker opens the files once."""

    def __init__(self, open_source: Open, of_chunk: OfChunk):
        self._open, self._of_chunk = open_source, of_chunk

    def setup(self) -> None:
        self._source = self._open()
        self._chunks = self._source.chunks()

    def process(self, element: tuple[int, Chunk]) -> Iterator[Any]:
        number, chunk = element
        if number >= len(self._chunks) or self._chunks[number] != chunk:
            raise SamplingError(
                f"{chunk.path} or another of the files is not what it was when they were listed, "
                "expected all workers to see the same; leave the files alone while they are read"
            )
        yield from self._of_chunk(self._source, number, chunk)


def _partitions(elements: int, options: Sequence[str]) -> list[str]:
    """What Dask has to be told, or 128 chunks are one partition, which one worker reads."""
    is_said = any(
        each.startswith(("--dask_npartitions", "--dask_partition_size")) for each in options
    )
    is_dask = any(each.startswith("--runner=") and "dask" in each.lower() for each in options)
    number = max(1, min(elements, _MOST_PARTITIONS))
    return [f"--dask_npartitions={number}"] if is_dask and not is_said else []


def _numbered(source: Source) -> list[tuple[int, Chunk]]:
    return list(enumerate(source.chunks()))


def run(
    path: str,
    options: Sequence[str],
    elements: Sequence[Any],
    do: beam.DoFn,
    then: Sequence[beam.PTransform] = (),
) -> list[Any]:
    """Runs a pipeline; returns the elements that come out, by way of a file.

    Args:
        elements: that stand for much work each, or one worker would do them all.
        do: what is done with each.
        then: with what comes out.
    """
    path = f"{path}-{uuid.uuid4().hex}.json"
    options = PipelineOptions([*options, *_partitions(len(elements), options)])
    try:
        with _plain_errors(), beam.Pipeline(options=options) as pipeline:
            made = pipeline | beam.Create(elements) | beam.Reshuffle() | beam.ParDo(do)
            for step in [*then, beam.combiners.ToList(), beam.Map(partial(_write_json, path))]:
                made |= step
        return json.loads(files.read_text(path))
    finally:
        files.remove(path)


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """A worker's sentence about the files, out of what Beam wraps around it."""
    try:
        yield
    except Exception as error:
        found = re.findall(
            r"^(?:[\w.]*SamplingError|.*\.BadTextError): (.*)$", str(error), re.MULTILINE
        )
        sentence = found[-1] if found else str(error)
        if not found and not isinstance(error, ValueError):
            raise
        raise SamplingError(re.sub(r" \[while running '.*", "", sentence)) from error


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def _unpacked(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()


def _write_json(path: str, value: Any) -> None:
    with files.create(path) as file:
        file.write(json.dumps(value).encode())
