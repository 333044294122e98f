"""A cluster of the trainer on this machine, to try it out or to use its cores.

    python -m trainer.launch --workers=2 --ps=1 --evaluator -- propensity --mode=train ...

`tf-sampling launch` is the same. What follows -- are the flags of `trainer.task`, which every
process gets. The exit status is 0 if the training has ended well, 1 if a process died or hung, 2
for a wrong flag, and 128 + the signal that stopped it.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from sampling.command_line.ending import NAME, ending, say
from sampling.command_line.flag import Flag
from sampling.command_line.parser import Parser
from sampling.command_line.values import whole
from trainer.cloud import folders
from trainer.distributed import local_cluster
from trainer.distributed.local_cluster import Cluster

_IF_STOPPED = "all processes were ended; the same command goes on from the last checkpoint"
FLAGS = {
    "cluster": (
        Flag("workers", 2, whole(1), "processes that train, the chief among them"),
        Flag("ps", 1, whole(0), "parameter servers, which hold the model"),
        Flag("evaluator", False, None, "whether a process evaluates every checkpoint"),
        Flag("restarts", 0, whole(0), "times that a process that died or hangs starts again"),
        Flag("first_port", None, whole(1), "of those to listen to; else any free ones"),
        Flag("silent_secs", 300, whole(1), "seconds of silence of one that hangs"),
        Flag("evaluator_secs", 0, whole(0), "seconds that it may go on after the export"),
    )
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments (None: those of the process) and runs the cluster.

    Raises:
        SystemExit: with the status that is said above.
    """
    about = "trains by several processes on this machine"
    parser = Parser(f"{NAME} launch", about, FLAGS, "-- propensity --mode=train --job-dir=DIR ...")
    own, rest = _split(sys.argv[1:] if arguments is None else list(arguments))
    given = parser.parse(own)
    _check(parser, given, rest)
    with ending(_IF_STOPPED):
        rest = _set_aside(rest)
        cluster = local_cluster.tasks(given.workers, given.ps, given.evaluator)
        with local_cluster.tf_configs(cluster, given.first_port) as configs:
            status = _run([sys.executable, "-m", "trainer.task", *rest], configs, given)
        sys.exit(status)


def _run(
    command: list[str], configs: dict[local_cluster.Role, str], given: argparse.Namespace
) -> int:
    previous = {each: signal.signal(each, _stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Cluster(command, configs, restarts=given.restarts) as cluster:
            cluster.wait(given.silent_secs, given.evaluator_secs)
    except _StoppedError as stopped:
        say(f"stopped; {_IF_STOPPED}")
        return 128 + stopped.signal
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
    return 0


class _StoppedError(Exception):
    def __init__(self, signal_: int):
        super().__init__(signal_)
        self.signal = signal_


def _stop(signal_: int, frame: FrameType | None) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM):  # once is enough; ending takes its time
        signal.signal(each, signal.SIG_IGN)
    raise _StoppedError(signal_)


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Flags of this command line, and those after --."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _set_aside(rest: list[str]) -> list[str]:
    """What --restart asks for, done before there is a process; the flags without it."""
    if "--restart" not in rest:
        return rest
    from trainer.job_dir import restart

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--job-dir", "--job_dir", default=argparse.SUPPRESS)
    given = folders.with_job_dir(vars(parser.parse_known_args(rest)[0]))
    folder = restart.set_aside(given.get("job_dir", ""))
    if folder:
        print(f"training from the beginning; what was there: {folder}", file=sys.stderr)
    return [each for each in rest if each != "--restart"]


def _check(parser: Parser, given: argparse.Namespace, rest: list[str]) -> None:
    if not rest:
        parser.error("found nothing after --, expected the trainer's own flags; pass them there")
    if "--mode=train" not in rest and ("--mode", "train") not in itertools.pairwise(rest):
        parser.error("found no --mode=train after --, expected a training; evaluate in one process")
    if given.workers > 1 and not given.ps:
        parser.error(
            f"--ps is 0 and --workers is {given.workers}, expected a parameter server, which holds "
            "the model that workers share; pass --ps=1"
        )


if __name__ == "__main__":
    main()
