"""The command line of the training jobs.

    python -m trainer.task propensity --mode=train --job-dir=output/model ...

`tf-sampling train propensity --job-dir=output/model ...` is the same. Each job is a package:
`options` has its DESCRIPTION and FLAGS, `job` its function `run(given)`. Results go to stdout,
progress and warnings to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from sampling.command_line.ending import NAME, ending, say
from sampling.command_line.parser import Parser, nearest
from sampling.errors import SamplingError
from sampling.files import REMOTE_CACHE, check_writable
from trainer.classes import options as classes
from trainer.cloud import folders
from trainer.propensity import options as propensity
from trainer.recommender import options as recommender
from trainer.training.every_job import MODE

# Before anything imports TensorFlow: its C++ side tells about CPU and GPU libraries on every start.
# What goes wrong there comes as an exception too.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
for name, megabytes in REMOTE_CACHE.items():
    os.environ.setdefault(name, megabytes)

JOBS = {"propensity": propensity, "classes": classes, "recommender": recommender}
_IF_STOPPED = {
    "train": "the same command goes on from the last checkpoint",
    "evaluate": "the same command begins anew",
    "predict": "the same command goes on with the rows that are not yet written",
}


def main(arguments: Sequence[str] | None = None, mode: str | None = None) -> None:
    """Parses the arguments and runs the job.

    Args:
        arguments: the job and its flags; None: those of the process.
        mode: what to do; None: what --mode says.

    Raises:
        SystemExit: see `sampling.command_line.ending`; the sentence is on stderr.
    """
    if "tensorflow" not in sys.modules:
        # Estimators are made of Keras 2. TensorFlow would import Keras 3 for its tf.keras, and that
        # scikit-learn and matplotlib: 2 to 3 seconds that nothing here needs.
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    prog = f"{NAME} {mode}" if mode else "python -m trainer.task"
    job, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if job in ("--help", "-h"):
        print(_help(prog))
        return
    if job not in JOBS:
        near = nearest(job, {name: name for name in JOBS})
        say(f"error: unknown job {job!r}{near}; `{prog} --help` lists them")
        sys.exit(2)
    given = _given(prog, job, rest, mode)
    with ending(_IF_STOPPED.get(given.get("mode", ""), "nothing was done")):
        for flag in ("mode", "job_dir"):
            if not given.get(flag):
                raise SamplingError(f"--{flag.replace('_', '-')} is missing; pass it")
        check_writable(given["job_dir"])
        # TensorFlow takes seconds to import, which --help and a mistyped flag need not wait for.
        importlib.import_module(f"trainer.{job}.job").run(argparse.Namespace(**given))
        if given["mode"] == "train":
            folders.publish(given["job_dir"])


def _given(prog: str, job: str, arguments: Sequence[str], mode: str | None) -> dict[str, Any]:
    groups = JOBS[job].FLAGS
    if not mode:
        groups = {"mode": (MODE,), **groups}
    needed = "--job-dir=DIRECTORY" if mode else "--mode=train|evaluate|predict --job-dir=DIRECTORY"
    parser = Parser(f"{prog} {job}", JOBS[job].DESCRIPTION, groups, needed)
    given = folders.with_job_dir(parser.given(arguments))
    return {**given, "mode": mode} if mode else given


def _help(prog: str) -> str:
    width = max(map(len, JOBS))
    return "\n".join(
        [
            f"usage: {prog} {'|'.join(JOBS)} [flags]",
            "",
            *(f"  {name:<{width}}  {job.DESCRIPTION}" for name, job in JOBS.items()),
            "",
            f"`{prog} JOB --help` lists the flags of a job.",
        ]
    )


if __name__ == "__main__":
    main()
