"""`tf-sampling split`: mixed files to train, dev, test and classes."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from sampling.command_line.common import LABEL, OUTPUT, OVERWRITE, SEED, SHARDS
from sampling.command_line.ending import say
from sampling.command_line.flag import Flag
from sampling.command_line.values import exact_names, fractions, names, whole
from sampling.commands import events, raw_files
from sampling.errors import SamplingError

if TYPE_CHECKING:
    from sampling.prepare.source import Source
    from sampling.prepare.splitting.assign import Assignment, Cuts
    from sampling.prepare.splitting.classes import Classes

IF_STOPPED = raw_files.NOTHING_WRITTEN
_EACH = "each"

FLAGS = {
    "what is read": (
        raw_files.FILES,
        Flag(
            "key",
            None,
            str,
            "column whose rows stay on one side, such as the customer; unless given: each row is "
            "on its own, by its file and its number in there",
        ),
        Flag(
            "splits",
            {"train": 0.8, "dev": 0.1, "test": 0.1},
            fractions,
            "names and fractions of the keys",
        ),
        Flag(
            "time",
            None,
            str,
            "column to cut by instead: rows of the first split are before those of the next; the "
            "files are read twice",
        ),
        Flag(
            "stratify",
            False,
            None,
            "whether every class has its exact share of each split; the files are read twice",
        ),
        SEED,
        Flag(
            "processes",
            None,
            whole(1),
            "that hash keys, on this machine; unless given: one for every other core, if keys "
            "are many",
        ),
        raw_files.RUNNER,
    ),
    "events of users, to train a recommender on": events.FLAGS,
    **raw_files.HOW_WRITTEN,
    "classes": (
        LABEL._replace(help="column of the class; without it there are no classes"),
        Flag(
            "positive",
            [],
            exact_names,
            "labels of class positive; unless given: of two labels 1 or true, or else the rarer; "
            "of events what counts as one, such as rating>=4",
        ),
        Flag("negative", [], exact_names, "labels of class negative; unless given: the other one"),
        Flag(
            "classes",
            None,
            exact_names,
            "more than two: the labels (a,b,c), or 'each' for all there are",
        ),
        Flag(
            "by_class",
            None,
            names,
            "splits with a folder for each class; in the others they are mixed, as evaluation "
            "reads them; unless given: the first",
        ),
    ),
    "what is written": (
        OUTPUT,
        Flag("format", "csv", str, "of what is written", choices=("csv", "parquet")),
        SHARDS._replace(default=4),
        Flag(
            "statistics",
            True,
            None,
            "whether the manifest tells what is missing, quantiles and frequent values of the "
            "training rows' columns, which models go by; it is half of the work",
        ),
        OVERWRITE,
        Flag(
            "row_group_rows",
            None,
            whole(1),
            "of Parquet: what is read at a time; unless given: what suits pools of 131,072",
        ),
    ),
}


def run(flags: argparse.Namespace) -> None:
    if events.are_meant(flags):
        events.run(flags)
        return
    from sampling import files
    from sampling.formats.writing import ROW_GROUP_ROWS, Layout
    from sampling.prepare.splitting import hashing, split

    delimiter = raw_files.csv_options(flags).delimiter
    layout = Layout(flags.format, delimiter, flags.row_group_rows or ROW_GROUP_ROWS).check()
    keys = {f"--{name}": getattr(flags, name) for name in ("key", "time") if getattr(flags, name)}
    schema = raw_files.schema(flags)
    flags.label = flags.label or (schema.label if schema else None)
    open_source = raw_files.opening(flags, keys, layout.format)
    assignment = _assignment(flags, schema.classes if schema else ())
    if flags.runner:
        if flags.time or flags.stratify:
            raise SamplingError(
                "--time and --stratify look at all rows first, in one process; leave --runner out"
            )
        to = flags.output, assignment, layout, flags.overwrite
        made = raw_files.beam().split(open_source, *to, raw_files.beam_flags(flags))
    else:
        source = open_source()
        split.check(source, layout)
        files.check_place(flags.output, flags.overwrite)
        with hashing.processes(flags.processes) as hash_keys:
            assignment = dataclasses.replace(assignment, hash_keys=hash_keys)
            assignment = dataclasses.replace(assignment, cuts=_cuts(flags, source, assignment))
            made = split.split(source, flags.output, assignment, layout, flags.overwrite)
    raw_files.tell(made, flags.output)
    for class_, labels in made["labels"].items():
        if labels != [class_]:
            print(f"{class_}: {made['label']} is {' or '.join(map(repr, labels))}")
    for place in split.empty(made):
        say(f"warning: {place} has no row")


def _assignment(flags: argparse.Namespace, order: tuple[str, ...]) -> Assignment:
    from sampling.prepare.splitting.assign import Assignment

    common = flags.key, flags.splits, flags.seed, flags.shards
    statistics = flags.statistics
    if not flags.label:
        return Assignment(*common, has_statistics=statistics)
    by_class = list(flags.splits)[:1] if flags.by_class is None else flags.by_class
    return Assignment(*common, _classes(flags, order), tuple(by_class), has_statistics=statistics)


def _cuts(flags: argparse.Namespace, source: Source, assignment: Assignment) -> Cuts | None:
    """What needs to look at all rows first."""
    from sampling.prepare.splitting.cuts import ByClass, ByTime

    if flags.time and flags.stratify:
        raise SamplingError(
            "--time and --stratify are both given, expected one of them; leave one out"
        )
    if flags.time:
        return ByTime.find(source, assignment, flags.time)
    return ByClass.find(source, assignment) if flags.stratify else None


def _classes(flags: argparse.Namespace, order: tuple[str, ...]) -> Classes:
    """As flags say, or else the schema, or what is found."""
    from sampling.prepare.splitting.classes import NEGATIVE, POSITIVE, Classes, folder_name

    if flags.classes == [_EACH]:
        return Classes(flags.label, others="each")
    if flags.classes:
        return Classes(flags.label, {label: folder_name(label) for label in flags.classes})
    if order and not flags.positive and not flags.negative:
        return Classes(flags.label, order=order)
    of_class = {POSITIVE: flags.positive, NEGATIVE: flags.negative}
    names = {label: class_ for class_, labels in of_class.items() for label in labels}
    return Classes(flags.label, names, None if all(of_class.values()) else "found")
