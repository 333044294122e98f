"""A cluster of processes on this machine: started, watched, and ended together.

Each gets TF_CONFIG and an address of its own on 127.0.0.1. The first worker is the chief. What they
print comes out with a prefix. When all workers have ended well, the cluster has: parameter servers
never end by themselves. When a process dies, or a worker is silent for too long, all are ended, or
it is started again. A worker or an evaluator starts alone. A chief or a parameter server starts
with all others, since the model goes back to its last checkpoint then.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from sampling.errors import SamplingError

_PORTS = range(20_000, 30_000)  # below those that systems give to outgoing connections
_POLL_SECS = 0.1
_END_SECS = 10.0  # between asking a process to end and ending it
_PR_SET_PDEATHSIG = 1
# A server of TensorFlow may then listen to a port that is held for it.
SHARING_PORTS = {"TF_GRPC_REUSE_PORT": "true"}


@dataclasses.dataclass(frozen=True)
class Role:
    """A process's place in the cluster."""

    type: str
    index: int

    def __str__(self) -> str:
        return f"{self.type} {self.index}" if self.type in ("worker", "ps") else self.type

    @property
    def trains(self) -> bool:
        return self.type in ("chief", "worker")


def tasks(workers: int, ps: int, evaluator: bool) -> list[Role]:
    """In the order in which they are started: what others wait for first."""
    servers = [Role("ps", index) for index in range(ps)]
    trainers = [Role("chief", 0), *(Role("worker", index) for index in range(workers - 1))]
    return [*servers, *trainers, *([Role("evaluator", 0)] if evaluator else [])]


@contextlib.contextmanager
def tf_configs(cluster: Sequence[Role], first_port: int | None = None) -> Iterator[dict[Role, str]]:
    """TF_CONFIG of each task; a process alone, with or without evaluator, has no cluster.

    Nobody else gets the ports meanwhile, for a restart either; the processes need `SHARING_PORTS`.

    Args:
        first_port: of as many in a row as are needed; None: any that are free.

    Raises:
        SamplingError: a port is taken.
    """
    members = [task for task in cluster if task.type != "evaluator"]
    with contextlib.ExitStack() as held:
        addresses: dict[str, list[str]] = {}
        for task, port in zip(members, _ports(members, first_port, held), strict=True):
            addresses.setdefault(task.type, []).append(f"127.0.0.1:{port}")
        yield {
            task: json.dumps({"cluster": addresses, "task": dataclasses.asdict(task)})
            for task in cluster
        }


class Cluster:
    """Processes that belong together; leaving the context ends all that still run.

    Args:
        command: what each runs.
        configs: TF_CONFIG by task.
        environment: variables besides those of this process.
        restarts: how often one that has died or hangs is started again.

    Attributes:
        processes: by task.
    """

    def __init__(
        self,
        command: Sequence[str],
        configs: Mapping[Role, str],
        environment: Mapping[str, str] | None = None,
        restarts: int = 0,
    ):
        self._command, self._configs = list(command), configs
        self._environment = {
            **os.environ,
            **SHARING_PORTS,
            "PYTHONUNBUFFERED": "1",
            **(environment or {}),
        }
        self.processes: dict[Role, subprocess.Popen[bytes]] = {}
        self._restarts = restarts
        self._readers: dict[Role, list[threading.Thread]] = {}
        self._heard: dict[Role, float] = {}
        self._printing = threading.Lock()

    def __enter__(self) -> Cluster:
        try:
            for task in self._configs:
                self.start(task)
        except BaseException:
            self.end(list(self.processes))
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end(list(self.processes))

    def start(self, task: Role) -> None:
        """Starts a task; again, if it has ended."""
        process = subprocess.Popen(
            self._command,
            env={**self._environment, "TF_CONFIG": self._configs[task]},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process, which then ends the others
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        self.processes[task] = process
        self._heard[task] = time.monotonic()
        self._readers[task] = []
        for source, target in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
            reader = threading.Thread(target=self._pass_on, args=(task, source, target))
            reader.daemon = True
            reader.start()
            self._readers[task].append(reader)

    def wait(self, silent_secs: float, evaluator_secs: float) -> None:
        """Until all workers have ended well, and the evaluator, if it takes no longer than that.

        Raises:
            SamplingError: a process died, or a worker said nothing for `silent_secs`, and none is
                to be started again any more.
        """
        trainers = [task for task in self.processes if task.trains]
        are_running = True
        while are_running:
            are_running = any(self._is_running(task) for task in trainers)
            are_running |= self._start_again(trainers, silent_secs)
            time.sleep(_POLL_SECS)
        until = time.monotonic() + evaluator_secs
        for task in (task for task in self.processes if task.type == "evaluator"):
            while self._is_running(task) and time.monotonic() < until:
                time.sleep(_POLL_SECS)
            if how := self._death(task):
                raise SamplingError(f"{task} {how}; the other processes were ended")

    def end(self, tasks_: Sequence[Role], signal_: int = signal.SIGTERM) -> None:
        """Ends processes and whatever they started, and waits for it."""
        running = [self.processes[task] for task in tasks_ if self._is_running(task)]
        for process in running:
            _signal(process, signal_)
        until = time.monotonic() + _END_SECS
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
            _signal(process, signal.SIGKILL)  # what it started, too
            process.wait()
        for reader in (reader for task in tasks_ for reader in self._readers[task]):
            reader.join(1.0)

    def _is_running(self, task: Role) -> bool:
        return self.processes[task].poll() is None

    def _start_again(self, trainers: Sequence[Role], silent_secs: float) -> bool:
        """Whether a process had died or hung and was started again; raises if it may not be."""
        for task in self.processes:
            if how := self._death(task):
                self._recover(task, how, "the other processes were ended")
                return True
        for task in trainers:
            if self._is_running(task) and time.monotonic() - self._heard[task] > silent_secs:
                how = f"has said nothing for {silent_secs:g} seconds"
                self._recover(task, how, "all processes were ended")
                return True
        return False

    def _death(self, task: Role) -> str | None:
        """How it died; None if it runs, or has ended as it should."""
        code = self.processes[task].poll()
        if code is None or (code == 0 and task.type != "ps"):
            return None
        time.sleep(_POLL_SECS)  # for its last words to come out before
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit status {code}"

    def _recover(self, task: Role, how: str, otherwise: str) -> None:
        if not self._restarts:
            raise SamplingError(f"{task} {how}; {otherwise}")
        self._restarts -= 1
        is_alone = task.type in ("worker", "evaluator")
        print(
            f"{task} {how}; {'it is' if is_alone else 'all processes are'} started again, "
            f"{self._restarts} restarts are left",
            file=sys.stderr,
            flush=True,
        )
        again = [task] if is_alone else list(self.processes)
        self.end(again)
        for each in again:
            self.start(each)

    def _pass_on(self, task: Role, source: IO[bytes], target: IO[str]) -> None:
        for line in source:
            self._heard[task] = time.monotonic()
            text = line.decode(errors="replace").rstrip("\r\n")
            with self._printing:
                target.write(f"[{task}] {text}\n")
                target.flush()
        source.close()


def _ports(
    members: Sequence[Role], first_port: int | None, held: contextlib.ExitStack
) -> list[int]:
    if first_port is None:
        free = (port for port in random.sample(_PORTS, len(_PORTS)) if _hold(port, held))
        return [port for port, _ in zip(free, members, strict=False)]
    ports = [first_port + index for index in range(len(members))]
    for task, port in zip(members, ports, strict=True):
        if not _hold(port, held):
            raise SamplingError(
                f"port {port}, which {task} would listen to, is taken; free it, or name another "
                "first port"
            )
    return ports


def _hold(port: int, held: contextlib.ExitStack) -> bool:
    """Whether a port was free; it is taken now for all but servers that share theirs."""
    with socket.socket() as probe:  # which shares none, as other holders do
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    holder = held.enter_context(socket.socket())
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind(("127.0.0.1", port))
    return True


def _signal(process: subprocess.Popen[Any], signal_: int) -> None:
    """To a process and those that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal_)


def _die_with_parent() -> None:
    """However this process ends, no other is left behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
