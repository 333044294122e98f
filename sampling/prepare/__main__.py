"""The command line of `sampling.prepare`; each command's `--help` lists its flags."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.formats.csv.parsing import CsvOptions
from sampling.formats.writing import Layout
from sampling.prepare import classes, count, split, vocab
from sampling.prepare.assign import Assignment, Cuts
from sampling.prepare.classes import NEGATIVE, POSITIVE, Classes
from sampling.prepare.cuts import ByClass, ByTime
from sampling.prepare.flags import build_parser
from sampling.prepare.source import Source
from sampling.schema import Schema

_EACH = "each"


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments (None: those of the process) and does what they say.

    Raises:
        SystemExit: status 2 for an unknown flag, 1 where files or flags are not as they should be;
            the sentence is on stderr.
    """
    runs = {"split": _split, "count": _count, "vocab": _vocab, "sample": _sample}
    parser = build_parser(runs)
    flags, others = parser.parse_known_args(arguments)
    if others and not flags.runner:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    flags.beam = [f"--runner={flags.runner}", *others]
    try:
        with files.cleaning_up():
            flags.run(flags)
    except SamplingError as error:
        parser.exit(1, f"error: {error}\n")


def _split(flags: argparse.Namespace) -> None:
    layout = Layout(flags.format, _delimiter(flags.delimiter), flags.row_group_rows).check()
    keys = {f"--{name}": getattr(flags, name) for name in ("key", "time")}
    keys = {flag: column for flag, column in keys.items() if column}
    open_source, assignment = _opening(flags, keys, layout.format), _assignment(flags)
    if flags.runner:
        if flags.time or flags.stratify:
            raise SamplingError(
                "--time and --stratify look at all rows first, in one process; leave --runner out"
            )
        to = flags.output, assignment, layout, flags.overwrite
        made = _beam().split(open_source, *to, flags.beam)
    else:
        source = open_source()
        split.check(source, layout)
        files.check_place(flags.output, flags.overwrite)
        assignment = dataclasses.replace(assignment, cuts=_cuts(flags, source, assignment))
        made = split.split(source, flags.output, assignment, layout, flags.overwrite)
    _tell(made, flags.output)


def _count(flags: argparse.Namespace) -> None:
    open_source = _opening(flags, {})
    if flags.runner and not flags.output:
        raise SamplingError("--output is missing, which --runner needs; name a file")
    with contextlib.ExitStack() as stack:
        file = (
            stack.enter_context(files.whole(flags.output, flags.overwrite))
            if flags.output
            else None
        )
        if flags.runner:
            counts = _beam().count(open_source, flags.output, flags.beam)
        else:
            counts = count.count(open_source())
        as_json = json.dumps(count.as_dict(counts), indent=2)
        if file:
            file.write(f"{as_json}\n".encode())
    print(as_json if flags.json else count.table(counts))


def _vocab(flags: argparse.Namespace) -> None:
    checks.whole_number("--min_count", flags.min_count, 1)
    open_source = _opening(flags, {"--column": flags.column})
    with files.whole(flags.output, flags.overwrite) as file:
        if flags.runner:
            counts = _beam().vocab(open_source, flags.column, flags.output, flags.beam)
        else:
            counts = vocab.count(open_source(), flags.column)
        values = vocab.lines(counts, flags.min_count)
        file.write("".join(f"{value}\n" for value in values).encode())
    print(f"{len(values):,} values: {flags.output}")


def _sample(flags: argparse.Namespace) -> None:
    from sampling.prepare import sample  # it takes seconds to import TensorFlow

    options = {
        "positive_dir": flags.positive_dir,
        "negative_dir": flags.negative_dir,
        "schema": Schema.from_json(flags.schema, flags.label, flags.weight_column),
        "multiplier": flags.multiplier,
        "weight": flags.weight if flags.weight == "auto" else _number("--weight", flags.weight),
        "seed": flags.seed,
        "file_format": flags.file_format,
        **dataclasses.asdict(_options(flags)),
    }
    if flags.runner:
        layout = Layout(flags.format, _delimiter(flags.delimiter)).check()
        shards = checks.whole_number("shards", flags.shards, 1)
        made = _beam("beam_sample").write(
            options, flags.output, shards, layout, flags.overwrite, flags.beam
        )
    else:
        made = sample.open_input(options).write_epoch(
            flags.output, shards=flags.shards, format=flags.format, overwrite=flags.overwrite
        )
    _tell(made, flags.output)


def _beam(module: str = "beam") -> Any:
    try:
        return importlib.import_module(f"sampling.prepare.{module}")
    except ImportError as error:
        raise SamplingError(
            f"--runner needs Apache Beam, which can't be imported ({error}); "
            "install tf-sampling[beam], or leave --runner out"
        ) from None


def _opening(
    flags: argparse.Namespace, keys: dict[str, str], written_as: str = "csv"
) -> Callable[[], Source]:
    """What opens the raw files, here or on other machines."""
    label = getattr(flags, "label", None)
    schema = Schema.from_json(flags.schema, label, flags.weight_column) if flags.schema else None
    return partial(
        Source,
        flags.files,
        schema,
        _options(flags),
        columns=_names(flags.columns),
        label=label,
        keys=keys,
        file_format=flags.file_format,
        written_as=written_as,
    )


def _options(flags: argparse.Namespace) -> CsvOptions:
    return CsvOptions(
        flags.header and not getattr(flags, "columns", None),
        _delimiter(flags.delimiter),
        ["", *_names(flags.null_values)],
        flags.newlines_in_values,
    )


def _assignment(flags: argparse.Namespace) -> Assignment:
    fractions = {name: _fraction(text) for name, text in map(_pair, _names(flags.splits))}
    by_class = _names(flags.by_class) if flags.by_class is not None else list(fractions)[:1]
    if not flags.label:
        return Assignment(flags.key, fractions, flags.seed, flags.shards)
    return Assignment(
        flags.key, fractions, flags.seed, flags.shards, _classes(flags), tuple(by_class)
    )


def _cuts(flags: argparse.Namespace, source: Source, assignment: Assignment) -> Cuts | None:
    """What needs to look at all rows first."""
    if flags.time and flags.stratify:
        raise SamplingError(
            "--time and --stratify are both given, expected one of them; leave one out"
        )
    if flags.time:
        return ByTime.find(source, assignment, flags.time)
    return ByClass.find(source, assignment) if flags.stratify else None


def _classes(flags: argparse.Namespace) -> Classes:
    if flags.classes == _EACH:
        return Classes(flags.label, others="each")
    if flags.classes:
        names = {label: classes.folder_name(label) for label in _names(flags.classes)}
        return Classes(flags.label, names)
    of_class = {POSITIVE: _names(flags.positive), NEGATIVE: _names(flags.negative)}
    names = {label: class_ for class_, labels in of_class.items() for label in labels}
    is_said = all(of_class.values())
    return Classes(flags.label, names, None if is_said else "found")


def _tell(made: dict[str, Any], output: str) -> None:
    """Rows of each split and class, aligned."""
    lines = []
    for split_, sums in made["splits"].items():
        lines.append((split_, sums["rows"]))
        lines += [(f"  {name}", each["rows"]) for name, each in sums["classes"].items()]
    width = max(len(name) for name, _ in lines)
    for name, rows in lines:
        print(f"{name:<{width}}  {rows:>12,}")
    print(f"{sum(sums['rows'] for sums in made['splits'].values()):,} rows: {output}")
    for class_, labels in made.get("labels", {}).items():
        if labels != [class_]:
            print(f"{class_}: {made['label']} is {' or '.join(map(repr, labels))}")
    for place in split.empty(made):
        print(f"warning: {place} has no row", file=sys.stderr)


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _fraction(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SamplingError(
            f"--splits has {text!r}, expected names and fractions such as train=0.9,test=0.1; "
            "fix it"
        ) from None


def _number(flag: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SamplingError(f"{flag} is {text!r}, expected a number or auto; fix it") from None


def _delimiter(text: str) -> str:
    return {"tab": "\t", "\\t": "\t"}.get(text, text)


if __name__ == "__main__":
    main()
