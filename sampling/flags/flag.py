"""Flags as data: what they are called, their defaults, what they may be.

A value that is out of range is refused while it is parsed: argparse puts the flag's name before
the sentence.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

Parse = Callable[[str], Any]


class Flag(NamedTuple):
    """A flag and its default.

    Args:
        name: with underscores, which is what it is called in parameters.json too.
        parse: text -> value, raising argparse.ArgumentTypeError; None: a pair --x, --no-x.
        of_model: whether a checkpoint is of no use with another value.
    """

    name: str
    default: Any
    parse: Parse | None
    help: str
    choices: tuple[str, ...] | None = None
    of_model: bool = False


def add(parser: argparse.ArgumentParser, groups: Mapping[str, Iterable[Flag]]) -> None:
    """Declares the flags, under a heading for each group."""
    for heading, flags in groups.items():
        group = parser.add_argument_group(heading)
        for flag in flags:
            _add(group, flag)


def defaults(groups: Mapping[str, Iterable[Flag]]) -> dict[str, Any]:
    return {flag.name: flag.default for flags in groups.values() for flag in flags}


def of_model(groups: Mapping[str, Iterable[Flag]]) -> list[str]:
    """Names of the flags that a checkpoint depends on."""
    return [flag.name for flags in groups.values() for flag in flags if flag.of_model]


def whole(at_least: int) -> Parse:
    """ "64" -> 64"""

    def parse(text: str) -> int:
        if not text.strip().lstrip("+-").isdecimal() or int(text) < at_least:
            raise _refused(text, f"a whole number of at least {at_least}")
        return int(text)

    return parse


def number(above: float, below: float = math.inf, or_equal: bool = False, word: str = "") -> Parse:
    """ "0.5" -> 0.5; `or_equal` admits the lower bound, `word` a text such as "auto"."""
    expected = f"a number {'of at least' if or_equal else 'above'} {above:g}"
    expected += f" and below {below:g}" if below < math.inf else ""

    def parse(text: str) -> float | str:
        if word and text == word:
            return text
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (value > above or (or_equal and value == above)) or not value < below:
            raise _refused(text, expected + (f", or {word!r}" if word else ""))
        return value

    return parse


def names(text: str) -> list[str]:
    """ "a,b" -> ["a", "b"]"""
    return [name.strip() for name in text.split(",") if name.strip()]


def whole_numbers(at_least: int) -> Parse:
    """ "64,32" -> [64, 32]"""

    def parse(text: str) -> list[int]:
        return [whole(at_least)(part) for part in text.split(",")]

    return parse


def delimiter(text: str) -> str:
    r""" ";" -> ";", "\t" and "tab" -> a tab."""
    text = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(text) != 1 or not text.isascii() or text in '"\r\n':
        raise _refused(text, "one ASCII character, or tab")
    return text


def null_values(text: str) -> list[str]:
    """ "NA,NULL" -> ["", "NA", "NULL"]"""
    return ["", *names(text)]


def _refused(text: str, expected: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"found {text!r}, expected {expected}")


def _add(group: Any, flag: Flag) -> None:
    spellings = [f"--{flag.name}"]
    if flag.name == "job_dir":  # what AI Platform calls it
        spellings.insert(0, "--job-dir")
    text = flag.help.replace("%", "%%") + _shown(flag.default)
    if flag.parse is None:
        action = argparse.BooleanOptionalAction
        group.add_argument(*spellings, dest=flag.name, action=action, help=text)
        return
    metavar = None if flag.choices else flag.name.split("_")[-1].upper()
    group.add_argument(
        *spellings,
        dest=flag.name,
        type=flag.parse,
        choices=flag.choices,
        metavar=metavar,
        help=text,
    )


def _shown(default: Any) -> str:
    if default is None:
        return ""
    if isinstance(default, bool):
        return f" (default: {'yes' if default else 'no'})"
    if isinstance(default, list):
        return f" (default: {as_given(default)})" if any(default) else ""
    return f" (default: {default:,})" if isinstance(default, int) else f" (default: {default})"


def as_given(value: Any) -> str:
    """As it is given on a command line."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
