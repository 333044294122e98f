"""The raw files that a command reads, and how they are told."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sampling.command_line.common import SCHEMA, WEIGHT_COLUMN, WRITTEN, file_options
from sampling.command_line.flag import Flag
from sampling.command_line.values import names
from sampling.errors import SamplingError

if TYPE_CHECKING:
    from sampling.formats.csv.options import CsvOptions
    from sampling.prepare.source import Source
    from sampling.schema import Schema

NOTHING_WRITTEN = "nothing was written; the same command begins anew"
# Those that Beam has no short name for.
_RUNNERS = {"dask": "apache_beam.runners.dask.dask_runner.DaskRunner"}
RUNNER = Flag(
    "runner",
    None,
    str,
    "run as an Apache Beam pipeline: DirectRunner, DaskRunner, DataflowRunner, FlinkRunner, "
    "SparkRunner; "
    "further flags are Beam's own, written --flag=value",
)
FILES = Flag("files", None, str, "globs of the raw files, quoted for the shell", positional=True)
HOW_WRITTEN = {
    "how the files are written": (
        SCHEMA._replace(
            help=f"{SCHEMA.help}; every value is checked. Without it the columns are those of the "
            "first file: of CSV text, written as it is"
        ),
        WEIGHT_COLUMN,
        Flag("columns", [], names, "names (a,b) of columns of files without a header"),
        *WRITTEN,
    )
}


def opening(
    flags: argparse.Namespace, keys: dict[str, str], written_as: str = "csv"
) -> Callable[[], Source]:
    """What opens the raw files, here or on other machines.

    Args:
        keys: flag -> column, of columns that must be there.
        written_as: the format in which rows are written again.
    """
    from sampling.prepare.source import Source

    return partial(
        Source,
        flags.files,
        schema(flags),
        csv_options(flags),
        columns=flags.columns,
        label=getattr(flags, "label", None),
        keys=keys,
        file_format=flags.file_format,
        written_as=written_as,
    )


def schema(flags: argparse.Namespace) -> Schema | None:
    """That was given, if one was."""
    from sampling.schema import Schema

    label = getattr(flags, "label", None)
    return Schema.from_json(flags.schema, label, flags.weight_column) if flags.schema else None


def csv_options(flags: argparse.Namespace) -> CsvOptions:
    """How text is written: by flags, or else as the schema's file says."""
    from sampling.formats.csv.options import CsvOptions

    given = file_options(flags)
    given.pop("file_format", None)
    if getattr(flags, "columns", None):
        given["header"] = False
    found = CsvOptions.of_schema(flags.schema) if flags.schema else None
    return CsvOptions(**{**(found or CsvOptions()).by_name(), **given})


def beam(module: str = "beam") -> Any:
    """A module of `sampling.prepare` that runs on many machines."""
    try:
        return importlib.import_module(f"sampling.prepare.{module}")
    except ImportError as error:
        raise SamplingError(
            f"--runner needs Apache Beam, which can't be imported ({error}); "
            "install tf-sampling[beam], or leave --runner out"
        ) from None


def beam_flags(flags: argparse.Namespace) -> list[str]:
    """As Beam takes them."""
    runner = _RUNNERS.get(flags.runner.lower().removesuffix("runner"), flags.runner)
    return [f"--runner={runner}", *flags.others]


def tell(made: Mapping[str, Any], output: str) -> None:
    """Rows of each split and class, aligned."""
    lines = []
    for split, sums in made["splits"].items():
        lines.append((split, sums["rows"]))
        lines += [(f"  {name}", each["rows"]) for name, each in sums["classes"].items()]
    width = max(len(name) for name, _ in lines)
    for name, rows in lines:
        print(f"{name:<{width}}  {rows:>12,}")
    print(f"{sum(sums['rows'] for sums in made['splits'].values()):,} rows: {output}")
