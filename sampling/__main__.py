"""The command `tf-sampling`; `python -m sampling` is the same.

    tf-sampling split customers.csv --key=customer_id --label=bought --output=data
    tf-sampling train propensity --data-dir=data --job-dir=output/job

Only what a command needs is imported: `--help` and a mistyped flag wait for nothing.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from sampling import __version__
from sampling.command_line.ending import NAME, ending, say
from sampling.command_line.parser import Parser, nearest

COMMANDS = {
    "schema": "finds out the columns of files: their types, kinds and statistics",
    "split": "cuts files into train, dev, test and classes, by a key's hash",
    "count": "counts the rows of each class in each file",
    "vocab": "writes the distinct values of a column, one a line",
    "sample": "writes one epoch of a training, balanced and weighted, as files",
    "unobserved": "writes pairs of users and items that were not observed",
    "train": "trains a model, evaluates and exports it: propensity, classes or recommender",
    "evaluate": "measures a trained model on labelled files",
    "predict": "writes a trained model's prediction for each row of files",
    "launch": "trains by several processes on this machine",
    "report": "writes a page on how true and how good predictions are",
}
_OF_JOBS = ("train", "evaluate", "predict")
_WITH_BEAM = ("split", "count", "vocab", "sample")
# The trainer is above this package and imports it, so it is found by its name.
_TASK, _LAUNCH = "trainer.task", "trainer.launch"


def main(arguments: Sequence[str] | None = None) -> None:
    """Does what the arguments (None: those of the process) say.

    Raises:
        SystemExit: see `sampling.command_line.ending`; the sentence is on stderr.
    """
    command, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if command in ("--help", "-h"):
        print(_help())
    elif command == "--version":
        print(f"{NAME} {__version__}")
    elif command not in COMMANDS:
        say(
            f"error: unknown command {command!r}"
            f"{nearest(command, {name: name for name in COMMANDS})}; `{NAME} --help` lists them"
        )
        sys.exit(2)
    elif command in _OF_JOBS:
        importlib.import_module(_TASK).main(rest, mode=command)
    elif command == "launch":
        importlib.import_module(_LAUNCH).main(rest)
    else:
        _run(command, rest)


def _run(command: str, arguments: Sequence[str]) -> None:
    # TensorFlow's C++ side tells about CPU and GPU libraries on every start.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    module = importlib.import_module(f"sampling.commands.{command}")
    passed_on = "runner" if command in _WITH_BEAM else None
    parser = Parser(f"{NAME} {command}", COMMANDS[command], module.FLAGS, passed_on=passed_on)
    flags = parser.parse(arguments)
    from sampling.files.termination import cleaning_up

    with ending(module.IF_STOPPED), cleaning_up():
        module.run(flags)


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {about}" for name, about in COMMANDS.items()]
    return "\n".join(
        [
            f"usage: {NAME} COMMAND [flags]",
            "",
            "Trains models on lopsided classes: samples while reading, then upweights.",
            "",
            *lines,
            "",
            f"`{NAME} COMMAND --help` lists the flags of a command; --version tells the version.",
        ]
    )


if __name__ == "__main__":
    main()
