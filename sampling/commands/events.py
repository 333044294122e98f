"""`tf-sampling split` of what users did: flags, how columns are found, and what is said."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sampling.command_line import common
from sampling.command_line.ending import say
from sampling.command_line.flag import Flag, as_given
from sampling.command_line.values import whole
from sampling.commands import raw_files
from sampling.errors import SamplingError

if TYPE_CHECKING:
    from sampling.formats.csv.options import CsvOptions
    from sampling.prepare.events.comparison import Comparison
    from sampling.prepare.events.split import Wanted
    from sampling.schema import Schema

_USER_ITEM = ["user", "item"]  # what the columns of lists are called
_NOT_WITH = ("stratify", "runner", "negative", "classes", "by_class")
FLAGS = (
    Flag(
        "leave_one_out",
        None,
        str,
        "column of users: the last event of each goes to test, the one before to dev; later is "
        "what --time says, or else the order of the files",
    ),
    common.USER_KEY._replace(help=f"{common.USER_KEY.help}, of events that are not left one out"),
    common.ITEM_KEY._replace(
        help=f"{common.ITEM_KEY.help}; unless given: the first that is none of the others named"
    ),
    Flag(
        "min_events",
        1,
        whole(1),
        "users and items with fewer are left out, until all that are left have so many",
    ),
    Flag(
        "keep_known",
        True,
        None,
        "whether events that do not count by --positive are kept as known pairs, which are neither "
        "drawn as negatives nor recommended",
    ),
    Flag("lists", False, None, "whether each line of the files is a user and all its items"),
)


def are_meant(flags: argparse.Namespace) -> bool:
    """Whether the files are a log of events.

    Raises:
        SamplingError: a comparison is given, and no column of users.
    """
    if any((flags.leave_one_out, flags.user_key, flags.item_key, flags.lists)):
        return True
    for given, name in ((_comparison(flags), "positive"), (flags.min_events > 1, "min_events")):
        if given:
            raise SamplingError(
                f"--{name}={as_given(getattr(flags, name))} is of events, and the column of users "
                "is missing; name it by --leave-one-out or --user-key"
            )
    return False


def run(flags: argparse.Namespace) -> None:
    from sampling import files
    from sampling.formats.writing import ROW_GROUP_ROWS, Layout
    from sampling.prepare.events import split
    from sampling.prepare.source import Source
    from sampling.prepare.splitting.assign import Assignment

    _check(flags)
    files.check_place(flags.output, flags.overwrite)
    with _as_columns(flags):
        schema, options = _schema(flags)
        wanted = _wanted(flags, schema)
        layout = Layout(flags.format, options.delimiter, flags.row_group_rows or ROW_GROUP_ROWS)
        keys = {"--user_key": wanted.user, "--item_key": wanted.item}
        source = Source(
            flags.files,
            _labelled(flags, schema, wanted),
            options,
            keys=keys | ({"--time": wanted.time} if wanted.time else {}),
            file_format=flags.file_format,
            written_as=flags.format,
        )
        key = flags.key or (wanted.user if wanted.leave_one_out or wanted.time else None)
        assignment = Assignment(key, flags.splits, flags.seed, flags.shards)
        made = split.split(
            source, flags.output, assignment, layout.check(), wanted, flags.overwrite
        )
    raw_files.tell(made, flags.output)
    _tell(made, wanted)


def _check(flags: argparse.Namespace) -> None:
    for name in _NOT_WITH:
        if getattr(flags, name):
            raise SamplingError(
                f"--{name} is not for events, which have users and items; leave it out"
            )
    if flags.positive and _comparison(flags) is None:
        raise SamplingError(
            f"--positive is {as_given(flags.positive)!r}, expected a comparison of a column such "
            "as rating>=4, which says what events count; fix it"
        )
    if flags.leave_one_out and flags.user_key not in (None, flags.leave_one_out):
        raise SamplingError(
            f"--leave_one_out is {flags.leave_one_out!r} and --user_key {flags.user_key!r}, "
            "expected one column of users; leave one out"
        )


def _comparison(flags: argparse.Namespace) -> Comparison | None:
    from sampling.prepare.events.comparison import Comparison

    return Comparison.parse(flags.positive[0]) if len(flags.positive) == 1 else None


@contextlib.contextmanager
def _as_columns(flags: argparse.Namespace) -> Iterator[None]:
    """Files of lists are files of pairs meanwhile."""
    if not flags.lists:
        yield
        return
    from sampling.prepare.events import adjacency

    names = flags.columns or _USER_ITEM
    if len(names) != len(_USER_ITEM):
        raise SamplingError(
            f"--columns is {as_given(names)}, expected two for --lists, of the user and of the "
            "items; fix it"
        )
    flags.user_key = flags.user_key or flags.leave_one_out or names[0]
    encoding = flags.encoding or "utf-8"
    with adjacency.as_pairs(flags.files, names, flags.delimiter, encoding) as path:
        flags.files, flags.columns, flags.header = [path], [], True
        flags.delimiter, flags.encoding, flags.file_format = ",", None, "csv"
        yield


def _schema(flags: argparse.Namespace) -> tuple[Schema, CsvOptions]:
    """That was given, or else what the files say; and how they are written."""
    given = raw_files.schema(flags)
    if given is not None:
        return given, raw_files.csv_options(flags)
    from sampling.formats.csv.options import CsvOptions
    from sampling.prepare import schema
    from sampling.schema.inferring.inference import Wishes

    user = flags.leave_one_out or flags.user_key
    ids = [name for name in (user, flags.item_key) if name]
    reading = schema.HowToRead(**common.file_options(flags), columns=flags.columns, progress=True)
    made = schema.infer(flags.files, Wishes(ids=ids, weight=flags.weight_column), reading)
    return made.schema, made.csv or CsvOptions()


def _wanted(flags: argparse.Namespace, schema: Schema) -> Wanted:
    from sampling.prepare.events.split import Wanted

    positive = _comparison(flags)
    user = flags.leave_one_out or flags.user_key
    named = {user, flags.time, flags.label, schema.weight, positive.column if positive else None}
    others = [field.name for field in schema.fields if field.name not in named]
    item = flags.item_key or (others[0] if others else None)
    if user is None or item is None:
        what, flag = ("users", "user_key") if user is None else ("items", "item_key")
        raise SamplingError(f"--{flag} is missing, expected the column of {what}; pass it")
    return Wanted(
        user,
        item,
        flags.time,
        positive,
        bool(flags.leave_one_out),
        flags.min_events,
        flags.keep_known,
    )


def _labelled(flags: argparse.Namespace, schema: Schema, wanted: Wanted) -> Schema:
    """With the label that is given, or a number that is compared; it may be missing."""
    label = flags.label or schema.label
    compared = wanted.positive.column if wanted.positive else None
    if label is None and compared in schema.names and not schema[compared].is_string:
        label = compared
    schema = dataclasses.replace(schema, label=label, classes=())
    if label is None or schema[label].is_string:
        return schema
    fields = [
        dataclasses.replace(field, mode="NULLABLE", default=0) if field.name == label else field
        for field in schema
    ]
    return dataclasses.replace(schema, fields=tuple(fields))


def _tell(made: Mapping[str, Any], wanted: Wanted) -> None:
    found = made["events"]
    print(f"users: {wanted.user}, {found['users']:,}; items: {wanted.item}, {found['items']:,}")
    if found["repeated"]:
        print(f"{found['repeated']:,} events repeat a pair, of which the first is kept")
    if found["not_positive"]:
        kept = "kept as known pairs" if wanted.keeps_known else "left out"
        print(f"{found['not_positive']:,} events are not {wanted.positive}: {kept}")
    for what in ("users", "items"):
        if few := found[f"{what}_with_few"]:
            print(f"{few:,} {what} have fewer than {wanted.min_events:,} events: left out")
    for split, held_out in found["held_out"].items():
        for what in ("users", "items"):
            if rows := held_out[f"of_unseen_{what}"]:
                print(f"{split}: {rows:,} of {held_out['rows']:,} are of {what} not in training")
        if not held_out["rows"]:
            say(f"warning: {split} has no row")
