"""`tf-sampling split`: mixed files to train, dev, test and classes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sampling.commands import raw_files
from sampling.flags.common import LABEL, OUTPUT, OVERWRITE, SEED, SHARDS
from sampling.flags.flag import Flag
from sampling.flags.values import fractions, names, whole

if TYPE_CHECKING:
    from sampling.prepare.assign import Assignment

IF_STOPPED = raw_files.NOTHING_WRITTEN
_EACH = "each"

FLAGS = {
    "what is read": (
        raw_files.FILES,
        Flag(
            "key",
            None,
            str,
            "column whose rows stay on one side, such as the customer",
            required=True,
        ),
        Flag(
            "splits",
            {"train": 0.8, "dev": 0.1, "test": 0.1},
            fractions,
            "names and fractions of the keys",
        ),
        SEED,
        raw_files.RUNNER,
    ),
    **raw_files.HOW_WRITTEN,
    "classes": (
        LABEL._replace(help="column of the class; without it there are no classes"),
        Flag("positive", ["1"], names, "labels of class positive"),
        Flag("negative", ["0"], names, "labels of class negative"),
        Flag(
            "classes", None, names, "more than two: the labels (a,b,c), or 'each' for all there are"
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
    from sampling.formats.writing import ROW_GROUP_ROWS, Layout
    from sampling.prepare import split

    open_source = raw_files.opening(flags, {"--key": flags.key})
    layout = Layout(flags.format, flags.delimiter, flags.row_group_rows or ROW_GROUP_ROWS).check()
    rest = flags.output, _assignment(flags), layout, flags.overwrite
    if flags.runner:
        made = raw_files.beam().split(open_source, *rest, raw_files.beam_flags(flags))
    else:
        made = split.split(open_source(), *rest)
    raw_files.tell(made, flags.output)


def _assignment(flags: argparse.Namespace) -> Assignment:
    from sampling.prepare.assign import Assignment, Classes

    common = flags.key, flags.splits, flags.seed, flags.shards
    if not flags.label:
        return Assignment(*common)
    by_class = list(flags.splits)[:1] if flags.by_class is None else flags.by_class
    return Assignment(*common, Classes(flags.label, _classes(flags)), tuple(by_class))


def _classes(flags: argparse.Namespace) -> dict[str, str]:
    """label -> class"""
    from sampling.prepare.assign import folder_name

    if flags.classes == [_EACH]:
        return {}
    if flags.classes:
        return {label: folder_name(label) for label in flags.classes}
    labels = {"positive": flags.positive, "negative": flags.negative}
    return {label: class_ for class_, of_class in labels.items() for label in of_class}
