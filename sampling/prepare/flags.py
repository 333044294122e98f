"""The flags of each command of `sampling.prepare`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from sampling.formats import registry, writing

Run = Callable[[argparse.Namespace], None]


def build_parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """Of all commands.

    Args:
        runs: what each does with its flags; it is among them as `run`.
    """
    parser = argparse.ArgumentParser(
        prog="python -m sampling.prepare",
        description="Turns raw, mixed files into what training reads.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="|".join(runs))
    for name, (about, add) in _COMMANDS.items():
        add(_command(commands, name, about, runs[name]))
    return parser


def _command(commands: Any, name: str, about: str, run: Run) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
    parser.set_defaults(run=run)
    parser.add_argument(
        "--runner",
        help="run as an Apache Beam pipeline: DirectRunner, DataflowRunner, FlinkRunner, "
        "SparkRunner; further flags are Beam's own, written --flag=value",
    )
    return parser


def _add_reading(parser: argparse.ArgumentParser, classes: bool = False) -> None:
    """What is read: mixed files, or those of two classes."""
    if classes:
        parser.add_argument("--positive_dir", nargs="+", required=True, help="globs of class 1")
        parser.add_argument("--negative_dir", nargs="+", required=True, help="globs of class 0")
    else:
        parser.add_argument("files", nargs="+", help="globs of the raw files, quoted for the shell")
    reading = parser.add_argument_group("how the files are written")
    about = "JSON of the columns, as bq show --schema prints it"
    if classes:
        reading.add_argument("--schema", required=True, help=about)
        reading.add_argument("--label", required=True, help="column of the class")
    else:
        reading.add_argument(
            "--schema",
            help=f"{about}; every value is checked. Without it the columns are those of the first "
            "file: of CSV text, written as it is",
        )
        reading.add_argument("--columns", help="names (a,b) of columns of files without a header")
    reading.add_argument(
        "--file_format", help=f"one of {', '.join(registry.FORMATS)} (default: by the files' names)"
    )
    reading.add_argument("--weight_column", help="name of the schema's column of row weights")
    reading.add_argument("--no-header", dest="header", action="store_false", help="there is none")
    reading.add_argument("--delimiter", default=",", help="between fields; tab for a tab")
    reading.add_argument("--null_values", help="spellings (NA,NULL) of an empty field")
    reading.add_argument(
        "--newlines_in_values", action="store_true", help="quoted fields may hold newlines"
    )


def _add_writing(parser: argparse.ArgumentParser, shards: int) -> Any:
    output = parser.add_argument_group("what is written")
    output.add_argument("--output", required=True, help="folder to make")
    output.add_argument("--format", default="csv", choices=writing.FORMATS, help="default: csv")
    output.add_argument(
        "--shards", type=int, default=shards, help="files of each folder (default: %(default)s)"
    )
    _add_overwrite(output)
    return output


def _add_overwrite(parser: Any) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace what was written before")


def _add_split(parser: argparse.ArgumentParser) -> None:
    _add_reading(parser)
    parser.add_argument(
        "--key",
        help="column whose rows stay on one side, such as the customer (default: each row is on "
        "its own, by its file and its number in there)",
    )
    parser.add_argument(
        "--splits",
        default="train=0.8,dev=0.1,test=0.1",
        help="names and fractions of the keys (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, another split")
    parser.add_argument(
        "--time",
        metavar="COLUMN",
        help="cut by time instead: rows of the first split are before those of the next",
    )
    parser.add_argument(
        "--stratify",
        action="store_true",
        help="every class has its exact share of each split; reads the files twice, as --time",
    )
    classes = parser.add_argument_group("classes")
    classes.add_argument("--label", help="column of the class; without it there are no classes")
    classes.add_argument(
        "--positive",
        help="labels of class positive (default: of two labels 1 or true, or else the rarer one)",
    )
    classes.add_argument("--negative", help="labels of class negative (default: the other one)")
    classes.add_argument(
        "--classes", help="more than two: the labels (a,b,c), or 'each' for all there are"
    )
    classes.add_argument(
        "--by_class",
        metavar="SPLITS",
        help="splits with a folder for each class (default: the first); in the others they are "
        "mixed, as evaluation reads them",
    )
    _add_writing(parser, shards=4).add_argument(
        "--row_group_rows",
        type=int,
        default=writing.ROW_GROUP_ROWS,
        help="of Parquet: what is read at a time (default: %(default)s, for pools of 131,072)",
    )


def _add_count(parser: argparse.ArgumentParser) -> None:
    _add_reading(parser)
    parser.add_argument("--label", help="column of the class; without it only rows are counted")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--output", help="file to write the JSON to")
    _add_overwrite(parser)


def _add_vocab(parser: argparse.ArgumentParser) -> None:
    _add_reading(parser)
    parser.add_argument("--column", required=True, help="name of the column")
    parser.add_argument("--output", required=True, help="file to write")
    _add_overwrite(parser)
    parser.add_argument("--min_count", type=int, default=1, help="least rows of a value")


def _add_sample(parser: argparse.ArgumentParser) -> None:
    _add_reading(parser, classes=True)
    parser.add_argument("--multiplier", type=float, default=1.0, help="negatives for each positive")
    parser.add_argument("--weight", default="auto", help="of a negative (default: auto)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another sample")
    _add_writing(parser, shards=8)


_COMMANDS: Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "split": ("train, dev, test and classes, by a key's hash", _add_split),
    "count": ("rows of each class in each file", _add_count),
    "vocab": ("distinct values of a column, one a line", _add_vocab),
    "sample": ("one epoch of a training, as files", _add_sample),
}
