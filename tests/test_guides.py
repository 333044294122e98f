"""The commands of README and guides name subcommands and flags that there are."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import shlex

import pytest

from sampling.__main__ import main
from tests.test_prose import GUIDES, ROOT

JOBS = ("train", "evaluate", "predict")


def commands(text):
    """Those of code, a line each, without what the shell does with their output."""
    code = re.findall(r"^ *(?:\$ )?(tf-sampling (?:[^\\\n]|\\\n)+)$", text, re.MULTILINE)
    for each in code:
        words = shlex.split(each.replace("\\\n", " "), comments=True)
        end = next((at for at, word in enumerate(words) if word in (">", "|", "&&", ";")), None)
        yield words[1:end]


@functools.cache
def known(*command):
    """The flags that `--help` tells of."""
    return frozenset(flag.replace("-", "_") for flag in re.findall(r"--[\w-]+", helped(command)))


def helped(command):
    told = io.StringIO()
    with contextlib.redirect_stdout(told), pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert not end.value.code
    return told.getvalue()


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_name_flags_that_there_are(path):
    for words in commands(path.read_text()):
        if words[0].isupper():  # tf-sampling COMMAND --help
            continue
        if "--" in words:  # launch its flags -- job flags of the job
            at = words.index("--")
            check(words[:at], words[0])
            check(words[at + 2 :], "train", words[at + 1])
        else:
            check(words, *words[: 2 if words[0] in JOBS else 1])


def check(words, *command):
    runner = next((at for at, word in enumerate(words) if word.startswith("--runner")), None)
    ours = words[:runner]  # what follows is Beam's
    flags = {word.partition("=")[0].replace("-", "_") for word in ours if word[:2] == "--"}
    assert flags <= known(*command) | {"__help", "__mode"}, words


def test_there_are_commands_to_look_at():
    assert sum(len(list(commands(path.read_text()))) for path in GUIDES) > 30
