"""Flags as data: what they are called, their defaults, what they may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sampling.command_line.values import Parse


class Flag(NamedTuple):
    """A flag and its default.

    Args:
        name: with underscores, which is what it is called in parameters.json too.
        parse: text -> value, raising argparse.ArgumentTypeError; None: a pair --x, --no-x.
        required: whether the command can't be given without it.
        of_model: whether a checkpoint is of no use with another value.
        positional: whether it is no flag, but one or more words: the globs of what is read.
    """

    name: str
    default: Any
    parse: Parse | None
    help: str
    choices: tuple[str, ...] | None = None
    required: bool = False
    of_model: bool = False
    positional: bool = False


Groups = Mapping[str, Iterable[Flag]]  # by heading


def defaults(groups: Groups) -> dict[str, Any]:
    return {flag.name: flag.default for flag in every(groups)}


def of_model(groups: Groups) -> list[str]:
    """Names of the flags that a checkpoint depends on."""
    return [flag.name for flag in every(groups) if flag.of_model]


def every(groups: Groups) -> list[Flag]:
    return [flag for flags in groups.values() for flag in flags]


def as_given(value: Any) -> str:
    """As it is given on a command line."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
