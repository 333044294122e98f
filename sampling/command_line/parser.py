"""How flags are parsed: one dialect for all commands.

`--job-dir` and `--job_dir` are the same flag. Names are never abbreviated. An unknown flag is
answered with the nearest one that is known, and every mistake with one line.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from sampling.command_line.ending import say
from sampling.command_line.flag import Flag, Groups, as_given, defaults, every

_WIDTH = 90


class Parser(argparse.ArgumentParser):
    """Of one command.

    Args:
        prog: the command as it is typed.
        about: what it does.
        groups: its flags.
        rest: what follows the flags, in the usage.
        passed_on: name of a flag with which unknown flags are somebody else's, and allowed.
    """

    def __init__(
        self, prog: str, about: str, groups: Groups, rest: str = "", passed_on: str | None = None
    ):
        self._groups, self._passed_on = groups, passed_on
        super().__init__(
            prog=prog,
            description=about[:1].upper() + about[1:] + ".",
            usage=_usage(prog, every(groups), rest),
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,  # so that it is known which were given
        )
        for heading, flags in groups.items():
            group = self.add_argument_group(heading)
            for flag in flags:
                _add(group, flag)

    def parse(self, arguments: Sequence[str] | None = None) -> argparse.Namespace:
        """All flags, those that were not given with their defaults.

        Args:
            arguments: None: those of the process.

        Raises:
            SystemExit: status 2 for a flag that is unknown, missing or out of range.
        """
        return argparse.Namespace(**{**defaults(self._groups), **self.given(arguments)})

    def given(self, arguments: Sequence[str] | None = None) -> dict[str, Any]:
        """The flags that were given; with `passed_on` among them, the others as `others`."""
        arguments = sys.argv[1:] if arguments is None else arguments
        spelled, unknown = self._spelled(arguments)
        known, others = self.parse_known_args(spelled)
        found = vars(known)
        if self._passed_on and found.get(self._passed_on):
            return {**found, "others": others}
        if unknown or others:
            self.error(self._unknown((unknown or others)[0]))
        return found

    def error(self, message: str) -> NoReturn:
        """One line, and status 2."""
        say(f"error: {message}; `{self.prog} --help` lists the flags")
        self.exit(2)

    def _spelled(self, arguments: Iterable[str]) -> tuple[list[str], list[str]]:
        """The arguments with the flags as they are declared, and those that are not."""
        declared = {_plain(spelling): spelling for spelling in self._option_string_actions}
        spelled, unknown = [], []
        for argument in arguments:
            name, equals, value = argument.partition("=")
            if name.startswith("--") and len(name) > 2:
                if _plain(name) not in declared:
                    unknown.append(argument)
                name = declared.get(_plain(name), name)
            spelled.append(name + equals + value)
        if unknown and not (self._passed_on and f"--{self._passed_on}" in _names(spelled)):
            self.error(self._unknown(unknown[0]))
        return spelled, unknown

    def _unknown(self, argument: str) -> str:
        if not argument.startswith("-"):
            return f"found {argument!r}, which belongs to no flag"
        name = argument.partition("=")[0]
        known = {_plain(spelling): spelling for spelling in self._option_string_actions}
        return f"unknown flag {name}{nearest(_plain(name), known)}"


def nearest(word: str, known: Mapping[str, str]) -> str:
    """ "trian" -> ", did you mean train?"; nothing where no known word is like it.

    Args:
        known: what is said, by the word that is like it.
    """
    near = difflib.get_close_matches(word, known, n=1)
    return f", did you mean {known[near[0]]}?" if near else ""


def _plain(spelling: str) -> str:
    return spelling.removeprefix("--").replace("_", "-")


def _names(arguments: Iterable[str]) -> set[str]:
    return {argument.partition("=")[0] for argument in arguments}


def _usage(prog: str, flags: Sequence[Flag], rest: str) -> str:
    words = [f"{flag.name} ..." for flag in flags if flag.positional]
    words += [f"--{flag.name}={_metavar(flag)}" for flag in flags if flag.required]
    text = " ".join([prog, *words, "[flags]", *([rest] if rest else [])]).replace("%", "%%")
    return textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _metavar(flag: Flag) -> str:
    return flag.name.split("_")[-1].upper()


def _add(group: Any, flag: Flag) -> None:
    text = flag.help.replace("%", "%%") + _shown(flag.default)
    if flag.positional:
        group.add_argument(flag.name, nargs="+", help=text)
        return
    options: dict[str, Any] = {"dest": flag.name, "help": text}
    if flag.required:
        options["required"] = True
    if flag.parse is None:
        options["action"] = argparse.BooleanOptionalAction
    else:
        options |= {"type": flag.parse, "choices": flag.choices, "metavar": _metavar(flag)}
        if flag.choices:
            options["help"] = f"{text}; one of {', '.join(flag.choices)}"
    group.add_argument(f"--{flag.name}", **options)


def _shown(default: Any) -> str:
    if default is None or default == "" or default == {}:
        return ""
    if isinstance(default, bool):
        return f" (default: {'yes' if default else 'no'})"
    if isinstance(default, list):
        return f" (default: {as_given(default)})" if any(default) else ""
    if isinstance(default, Mapping):
        pairs = ",".join(f"{name}={value}" for name, value in default.items())
        return f" (default: {pairs})"
    return f" (default: {default:,})" if isinstance(default, int) else f" (default: {default})"
