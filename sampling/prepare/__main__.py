"""The command line of `sampling.prepare`; each command's `--help` lists its flags."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.formats.csv.parsing import CsvOptions
from sampling.formats.writing import Layout
from sampling.prepare import assign, count, schema, split, vocab
from sampling.prepare.assign import Assignment, Classes
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
    runs = {
        "schema": schema.run,
        "split": _split,
        "count": _count,
        "vocab": _vocab,
        "sample": _sample,
    }
    parser = build_parser(runs)
    flags, others = parser.parse_known_args(arguments)
    if others and not getattr(flags, "runner", None):
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    flags.beam = [f"--runner={getattr(flags, 'runner', None)}", *others]
    try:
        flags.run(flags)
    except ValueError as error:
        parser.exit(1, f"error: {error}\n")


def _split(flags: argparse.Namespace) -> None:
    open_source = _opening(flags, {"--key": flags.key})
    layout = Layout(flags.format, _delimiter(flags.delimiter), flags.row_group_rows).check()
    rest = flags.output, _assignment(flags), layout, flags.overwrite
    if flags.runner:
        made = _beam().split(open_source, *rest, flags.beam)
    else:
        made = split.split(open_source(), *rest)
    _tell(made, flags.output)


def _count(flags: argparse.Namespace) -> None:
    open_source = _opening(flags, {})
    if flags.runner and not flags.output:
        raise SamplingError("--output is missing, which --runner needs; name a file")
    if flags.runner:
        counts = _beam().count(open_source, flags.output, flags.beam)
    else:
        counts = count.count(open_source())
    as_json = json.dumps(count.as_dict(counts), indent=2)
    if flags.output:
        files.replace(flags.output, as_json + "\n")
    print(as_json if flags.json else count.table(counts))


def _vocab(flags: argparse.Namespace) -> None:
    checks.whole_number("--min_count", flags.min_count, 1)
    open_source = _opening(flags, {"--column": flags.column})
    if flags.runner:
        counts = _beam().vocab(open_source, flags.column, flags.output, flags.beam)
    else:
        counts = vocab.count(open_source(), flags.column)
    values = vocab.lines(counts, flags.min_count)
    files.replace(flags.output, "".join(f"{value}\n" for value in values))
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


def _opening(flags: argparse.Namespace, keys: dict[str, str]) -> Callable[[], Source]:
    """What opens the raw files, here or on other machines."""
    label = getattr(flags, "label", None)
    given = Schema.from_json(flags.schema, label, flags.weight_column) if flags.schema else None
    return partial(
        Source,
        flags.files,
        given,
        _options(flags),
        columns=_names(flags.columns),
        label=label,
        keys=keys,
        file_format=flags.file_format,
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
        flags.key,
        fractions,
        flags.seed,
        flags.shards,
        Classes(flags.label, _classes(flags)),
        tuple(by_class),
    )


def _classes(flags: argparse.Namespace) -> dict[str, str]:
    """label -> class"""
    if flags.classes == _EACH:
        return {}
    if flags.classes:
        return {label: assign.folder_name(label) for label in _names(flags.classes)}
    labels = {"positive": _names(flags.positive), "negative": _names(flags.negative)}
    return {label: class_ for class_, of_class in labels.items() for label in of_class}


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
