"""A log of events to train, dev, test and known pairs: read twice, written once.

In memory are 4 bytes for the user and the item of each event, 8 for its time, and the distinct ids.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.formats.writing import Layout
from sampling.prepare.events import sides
from sampling.prepare.events.comparison import Comparison
from sampling.prepare.events.sides import KNOWN, Events, Sides
from sampling.prepare.source import Rows, Source
from sampling.prepare.splitting import split as shards
from sampling.prepare.splitting.assign import Assignment, Destination, Piece
from sampling.prepare.splitting.classes import BadRowError
from sampling.prepare.splitting.cuts import begins, cumulative, times_of
from sampling.schema import json_form

KNOWN_PAIRS = "known"  # the folder of events that do not count


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a log is split by.

    Args:
        user, item: the columns.
        time: the column, if one decides what is later.
        positive: which events count; None: all.
        leave_one_out: whether the last ones of each user are held out.
        min_events: of a user and of an item.
        keeps_known: whether events that do not count are written as known pairs.
    """

    user: str
    item: str
    time: str | None = None
    positive: Comparison | None = None
    leave_one_out: bool = False
    min_events: int = 1
    keeps_known: bool = True


def split(
    source: Source,
    output: str | os.PathLike[str],
    assignment: Assignment,
    layout: Layout,
    wanted: Wanted,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Writes the rows of a source to `output`, and what is where to `output/_manifest.json`.

    Of events of the same user and item the first is a pair; others are left out, and counted.

    Args:
        assignment: names of the splits, shares where time decides, and files of each folder; the
            rows of a user are in one file.

    Returns:
        The manifest; "events" tells what was counted.

    Raises:
        SamplingError: a row can't be read (file and line named), nothing is left to train on, the
            folder is not empty, or can't be written.
    """
    events, is_date = _read(source, assignment, wanted)
    found = sides.assign(
        events,
        len(assignment.splits),
        leave_one_out=wanted.leave_one_out,
        shares=cumulative(assignment),
        min_events=wanted.min_events,
        keeps_known=wanted.keeps_known,
    )
    if not (found.of_events == 0).any():
        raise SamplingError(
            f"found {found.failing:,} of {len(events.users):,} events that do not count, "
            f"{found.few_users:,} users and {found.few_items:,} items with fewer than "
            f"{wanted.min_events:,}, which leaves none for {assignment.splits[0]}, expected some; "
            "lower --min_events, or fix --positive"
        )
    with files.folder(output, overwrite) as stage:
        with contextlib.closing(_pieces(source, found, assignment)) as pieces:
            written = shards.write(pieces, stage, layout, assignment)
        about = {
            **_how_written(source, layout),
            **_how_split(wanted, assignment, found, is_date),
            "events": _counts(events, found, assignment),
        }
        names = [*assignment.splits, *([KNOWN_PAIRS] if (found.of_events == KNOWN).any() else [])]
        made = manifest.build(about, source.schema.to_manifest(), names, written)
        manifest.write(stage, made)
        return made


def _read(source: Source, assignment: Assignment, wanted: Wanted) -> tuple[Events, bool]:
    """All events, and whether their times are microseconds since 1970."""
    ids: dict[str, list[pa.Array]] = {wanted.user: [], wanted.item: []}
    times, holds, drawn = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    is_date: bool | None = None
    is_drawn = not wanted.leave_one_out and not wanted.time
    for chunk, rows in source.rows("events"):
        for name, chunks in ids.items():
            chunks.append(rows.table.column(name).combine_chunks().dictionary_encode())
        if wanted.time:
            try:
                found, is_date = times_of(rows.table.column(wanted.time), wanted.time, is_date)
            except BadRowError as error:
                raise SamplingError(f"{source.locate(chunk, error.row)}, {error}") from None
            times.append(found)
        every = np.ones(rows.table.num_rows, bool)
        holds.append(wanted.positive.holds(rows.known) if wanted.positive else every)
        if is_drawn:
            hashes = assignment.hashes(rows)[:, 0]
            side = np.searchsorted(assignment.bounds(), hashes, side="right")
            drawn.append(side.astype(np.int8))
    users, items = (_codes(chunks) for chunks in ids.values())
    counted = np.concatenate(holds)
    return Events(
        users,
        items,
        np.concatenate(times) if times else None,
        counted,
        np.concatenate(drawn) if drawn else np.zeros(len(counted), np.int8),
    ), bool(is_date)


def _codes(chunks: list[pa.Array]) -> np.ndarray:
    """int32 [rows]"""
    alike = pa.chunked_array(chunks).unify_dictionaries()
    return np.concatenate([chunk.indices.to_numpy() for chunk in alike.chunks])


def _pieces(source: Source, found: Sides, assignment: Assignment) -> Generator[Piece, None, None]:
    done = 0
    for _, rows in source.rows("splitting"):
        side = found.of_events[done : done + rows.table.num_rows]
        done += rows.table.num_rows
        yield from _of_chunk(rows, side, assignment)


def _of_chunk(rows: Rows, side: np.ndarray, assignment: Assignment) -> Iterator[Piece]:
    hashes = assignment.hashes(rows)[:, 1]
    shard = ((hashes >> np.uint64(32)) * np.uint64(assignment.shards)) >> np.uint64(32)
    names = {**dict(enumerate(assignment.splits)), KNOWN: KNOWN_PAIRS}
    for number, name in names.items():
        for place in range(assignment.shards):
            some = np.flatnonzero((side == number) & (shard == np.uint64(place)))
            if len(some):
                to = Destination(name, "", place)
                yield Piece(to, rows.written.take(pa.array(some)), {}, some)


def _how_written(source: Source, layout: Layout) -> dict[str, Any]:
    is_text = source.is_text and layout.format == "csv"
    return {
        "format": layout.format,
        json_form.CSV: source.options.as_written(layout.delimiter, is_text).to_dict(),
        "typed": True,
        "labels": {},
        "by_class": [],
    }


def _how_split(
    wanted: Wanted, assignment: Assignment, found: Sides, is_date: bool
) -> dict[str, Any]:
    said: dict[str, Any] = {
        "user_key": wanted.user,
        "item_key": wanted.item,
        "time": wanted.time,
        "positive": str(wanted.positive) if wanted.positive else None,
        "leave_one_out": wanted.leave_one_out,
        "min_events": wanted.min_events,
        "shards": assignment.shards,
        "seed": assignment.seed,
    }
    if not wanted.leave_one_out:
        said["fractions"] = dict(assignment.fractions)
    if found.first_times is not None:
        said["begins"] = begins(assignment.splits, found.first_times, is_date)
    return said


def _counts(events: Events, found: Sides, assignment: Assignment) -> dict[str, Any]:
    trained = found.of_events == 0
    unseen = {
        name: dict(
            zip(
                ("rows", "of_unseen_users", "of_unseen_items"),
                sides.unseen(events, found.of_events, number),
                strict=True,
            )
        )
        for number, name in enumerate(assignment.splits)
        if number
    }
    return {
        "users": len(np.unique(events.users[trained])),
        "items": len(np.unique(events.items[trained])),
        "repeated": found.repeated,
        "not_positive": found.failing,
        "users_with_few": found.few_users,
        "items_with_few": found.few_items,
        "held_out": unseen,
    }
