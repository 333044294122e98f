"""The command line of the training jobs.

    python -m trainer.task propensity --mode=train --job-dir=output/model ...

Each job is a package: `options` has its DESCRIPTION and FLAGS, `job` its function `run(given)`.
Results go to stdout, progress and warnings to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import os
import traceback
from collections.abc import Sequence

from sampling.errors import SamplingError
from sampling.files import REMOTE_CACHE
from sampling.flags import flag
from trainer.cloud import folders
from trainer.propensity import options as propensity
from trainer.recommender import options as recommender

# Before anything imports TensorFlow: its C++ side tells about CPU and GPU libraries on every start.
# What goes wrong there comes as an exception too.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
for name, megabytes in REMOTE_CACHE.items():
    os.environ.setdefault(name, megabytes)

JOBS = {"propensity": propensity, "recommender": recommender}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments (None: those of the process) and runs the job.

    Raises:
        SystemExit: status 2 for a flag that is unknown or out of range, 1 where the job fails for
            what it was given; the sentence is on stderr.
    """
    parser = _parser()
    given = folders.with_job_dir(vars(parser.parse_args(arguments)))
    name = given.pop("job")
    try:
        for flag in ("mode", "job_dir"):
            if not given.get(flag):
                raise SamplingError(f"--{flag.replace('_', '-')} is missing; pass it")
        # TensorFlow takes seconds to import, which --help and a mistyped flag need not wait for.
        importlib.import_module(f"trainer.{name}.job").run(argparse.Namespace(**given))
        if given.get("mode") == "train":
            folders.publish(given["job_dir"])
    except (ImportError, ValueError) as error:
        if not _is_ours(error):
            raise
        parser.exit(1, f"error: {error}\n")


def _is_ours(error: Exception) -> bool:
    """Whether it tells what was wrong with flags or files; any other is a bug, with a traceback."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals["__name__"]
    return module.split(".")[0] in ("sampling", "trainer")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer.task",
        description="Trains, evaluates and predicts with models on sampled files.",
        allow_abbrev=False,
    )
    jobs = parser.add_subparsers(dest="job", required=True, metavar="|".join(JOBS))
    for name, job in JOBS.items():
        flag.add(
            jobs.add_parser(
                name,
                help=job.DESCRIPTION,
                description=job.DESCRIPTION,
                usage=f"python -m trainer.task {name} --mode=train|evaluate|predict "
                "--job-dir=DIRECTORY [flags]; --help lists them",
                allow_abbrev=False,
                argument_default=argparse.SUPPRESS,  # so that a job knows which were given
            ),
            job.FLAGS,
        )
    return parser


if __name__ == "__main__":
    main()
