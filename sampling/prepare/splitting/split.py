"""Train, dev and test by a hash of the key, and a folder for each class: one streaming pass."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sampling import files
from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.files.manifest import Written
from sampling.formats.writing import Layout, ShardWriter
from sampling.prepare.source import Chunk, Rows, Source
from sampling.prepare.splitting import classes as labelled
from sampling.prepare.splitting.assign import Assignment, Destination, Piece
from sampling.prepare.splitting.classes import NEGATIVE, POSITIVE, BadRowError
from sampling.schema import ColumnStatistics, Schema, json_form
from sampling.schema.inferring.sketch import ColumnSketch
from sampling.schema.inferring.table_sketch import TableSketch

_OF_IDS = 10  # values of an id that statistics name: they are no categories


def split(
    source: Source,
    output: str | os.PathLike[str],
    assignment: Assignment,
    layout: Layout,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Writes the rows of a source to `output`, and what is where to `output/_manifest.json`.

    Rows keep the order of the files within each shard; shards without a row are not written. The
    folder appears whole or not at all. In memory are two chunks of some 8 MiB of text, and, for
    Parquet, less than a row group of each shard.

    Returns:
        The manifest.

    Raises:
        SamplingError: a row can't be read, or has a label that is of no class (file and line
            named), the folder is not empty, or can't be written.
    """
    check(source, layout)
    # Python's part is to assign rows, pyarrow's to measure and to write them: both at a time.
    read = source.rows_with(
        "splitting", lambda chunk, rows: assigned(source, chunk, rows, assignment)
    )
    with files.folder(output, overwrite) as stage, contextlib.closing(read):
        sketch = TableSketch()

        def pieces() -> Iterator[Piece]:
            for rows, found in read:
                sketch.merge(sketched(rows, found, assignment))
                yield from found

        written = write(pieces(), stage, layout, assignment)
        return finish(stage, written, source, assignment, layout, sketch.columns)


def finish(
    stage: str,
    written: Sequence[Written],
    source: Source,
    assignment: Assignment,
    layout: Layout,
    sketches: Mapping[str, ColumnSketch],
) -> dict[str, Any]:
    """Names the classes that were found, and writes the manifest, which is returned.

    Args:
        sketches: of the columns in the rows of the first split.

    Raises:
        SamplingError: there are too many classes.
    """
    labels: dict[str, list[str]] = {}
    if classes := assignment.classes:
        rows = sum((Counter(shard.classes) for shard in written), Counter[str]())
        labelled.check_number(len(rows))
        settled = classes.settled(rows)
        written = [_named(stage, shard, settled) for shard in written]
        for name in settled:
            for split_ in assignment.by_class:
                files.remove(f"{stage}/{split_}/{name}")
        labels = classes.labels(settled, rows)
    statistics = {
        field.name: sketches[field.name].statistics(_OF_IDS if field.kind == "id" else None)
        for field in source.schema
        if field.name in sketches
    }
    made = described(written, source, assignment, layout, labels, statistics)
    manifest.write(stage, made)
    return made


def empty(made: Mapping[str, Any]) -> list[str]:
    """Splits, and classes with folders of their own, that have no row, by a manifest."""
    places = [name for name, sums in made["splits"].items() if not sums["rows"]]
    for name in made.get("by_class", []):
        classes = made["splits"][name]["classes"]
        expected = made["labels"] if len(made["labels"]) != 1 else {POSITIVE, NEGATIVE}
        places += [f"{name}/{class_}" for class_ in sorted(expected) if class_ not in classes]
    return places


def _named(stage: str, shard: Written, settled: Mapping[str, str]) -> Written:
    """A shard with the final names of classes, moved to the folder of its own."""
    classes = {settled.get(name, name): rows for name, rows in shard.classes.items()}
    if shard.class_ is None or shard.class_ not in settled:
        return shard._replace(classes=classes)
    class_ = settled[shard.class_]
    path = "/".join([shard.split, class_, shard.path.rsplit("/", 1)[-1]])
    files.move(f"{stage}/{shard.path}", f"{stage}/{path}")
    return shard._replace(path=path, class_=class_, classes=classes)


def check(source: Source, layout: Layout) -> None:
    """Raises SamplingError if the rows can't be written like that."""
    if layout.format == "parquet" and not source.is_typed:
        raise SamplingError("--schema is missing, expected for Parquet, which has types; pass it")


def assigned(source: Source, chunk: Chunk, rows: Rows, assignment: Assignment) -> list[Piece]:
    """The pieces of a chunk.

    Raises:
        SamplingError: a label is of no class; names file and line.
    """
    try:
        return assignment.pieces(rows)
    except BadRowError as error:
        raise SamplingError(f"{source.locate(chunk, error.row)}, {error}") from None


def sketched(rows: Rows, pieces: Iterable[Piece], assignment: Assignment) -> TableSketch:
    """What the rows of a chunk hold that are of the first split, the one that is trained on."""
    if not assignment.has_statistics:
        return TableSketch()
    first = assignment.splits[0]
    places = [piece.places for piece in pieces if piece.destination.split == first]
    if not places:
        return TableSketch.of(rows.known.slice(0, 0))
    return TableSketch.of(rows.known.take(np.sort(np.concatenate(places))))


def write(
    pieces: Iterable[Piece], folder: str, layout: Layout, assignment: Assignment
) -> list[Written]:
    """Writes pieces to their shards; returns what each holds."""
    classes: defaultdict[Destination, Counter[str]] = defaultdict(Counter)
    with contextlib.ExitStack() as stack:
        open_: dict[Destination, ShardWriter] = {}
        open_files = files.OpenFiles()
        for piece in pieces:
            to = piece.destination
            if to not in open_:
                _check_classes(assignment, {each.class_ for each in open_} | {to.class_})
                path = f"{folder}/{shard_path(to, layout, assignment)}"
                open_[to] = stack.enter_context(ShardWriter(path, layout, open_files))
            open_[to].write(piece.table)
            classes[to].update(piece.classes)
    return [
        manifest.written(
            folder,
            shard_path(to, layout, assignment),
            shard.rows,
            to.split,
            to.class_ or None,
            classes[to],
        )
        for to, shard in open_.items()
    ]


def _check_classes(assignment: Assignment, names: set[str]) -> None:
    """Early: files would be opened for nothing."""
    labelled.check_number(len(names))
    if assignment.classes:
        assignment.classes.check_found(names)


def shard_path(to: Destination, layout: Layout, assignment: Assignment) -> str:
    """ "train/positive/part-00000-of-00004.csv" """
    return f"{to.folder}/{layout.name(to.shard, assignment.shards)}"


def described(
    written: Iterable[Written],
    source: Source,
    assignment: Assignment,
    layout: Layout,
    labels: Mapping[str, list[str]],
    statistics: Mapping[str, ColumnStatistics],
) -> dict[str, Any]:
    """The manifest of a split, with the statistics of the first one's rows."""
    is_text = source.is_text and layout.format == "csv"
    about = {
        "format": layout.format,
        json_form.CSV: source.options.as_written(layout.delimiter, is_text).to_dict(),
        "typed": source.is_typed,
        "key": assignment.key,
        "hash": "the first 8 bytes of SHA-256 of seed:key, as a fraction of 2^64; without a key of "
        "seed:file:row",
        "seed": assignment.seed,
        "fractions": dict(assignment.fractions),
        "by_class": list(assignment.by_class),
        "shards": assignment.shards,
        "labels": labels,
        **(assignment.cuts.about() if assignment.cuts else {}),
    }
    schema = dataclasses.replace(source.schema, statistics=statistics)
    schema = _with_classes(schema, labelled.in_order(labels))
    return manifest.build(about, schema.to_manifest(), assignment.splits, written)


def _with_classes(schema: Schema, found: tuple[str, ...]) -> Schema:
    """The labels are recorded, unless they are 0, 1, ... already."""
    field = schema.label_field
    if not found or schema.classes or field is None:
        return schema
    if field.is_integer and found == tuple(map(str, range(len(found)))):
        return schema
    return dataclasses.replace(schema, classes=found)
