"""Trainings in step, of several workers or devices, killed at random moments and started again.

    python -m tests.stress_in_step --kills=6

Beside one never killed; each row is trained on once in an epoch of all workers. The tests run the
same in short form.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

from tests import in_step
from tests.conftest import write_classes

_KINDS = [(name, workers) for name in in_step.CLUSTERS for workers in (2, 3)]
_KINDS += [(name, 1) for name in in_step.MIRRORED]


def compare(name: str, folder: Path, workers: int, kills: int) -> str:
    """What was seen.

    Raises:
        RuntimeError: a batch differs from that of a training never killed.
    """
    _, whole = _trained(name, folder, workers)
    _check(whole == in_step.expected(name, folder, workers), "a row is not its worker's")
    _check_epoch(folder, whole)
    left, trainings = kills, 0
    while left > 0:
        killed, batches = _trained(name, folder, workers, left, len(whole[0]))
        _check(batches == whole, f"after {killed} kills batches are not those of one never killed")
        left, trainings = left - killed, trainings + 1
    return f"{kills} kills in {trainings} trainings of {len(whole[0])} batches a worker"


def _trained(
    name: str, folder: Path, workers: int, kills: int = 0, batches: int = 0
) -> tuple[int, list[dict[int, str]]]:
    """How often it was killed, at most so often; and for each worker the rows of each batch."""
    job_dir, killed, has_ended = Path(tempfile.mkdtemp(dir=folder)), 0, False
    while not has_ended:
        after = random.randint(0, batches // 2) if killed < kills else None
        has_ended = not in_step.train(name, folder, job_dir, workers, after)
        killed += not has_ended
    return killed, in_step.trained(job_dir, workers)


def _check_epoch(folder: Path, of_workers: list[dict[int, str]]) -> None:
    batches = len(of_workers[0]) // in_step.EPOCHS
    ids = sum((in_step.ids(each, range(1, batches + 1)) for each in of_workers), [])
    rows = in_step.make_input(folder).rows_per_epoch
    _check(len(ids) == len(set(ids)) == rows, f"{len(set(ids))} rows, {len(ids)} times, of {rows}")
    _check(set(range(61)) < set(ids), "a positive is missing")


def _check(is_so: bool, what: str) -> None:
    if not is_so:
        raise RuntimeError(what)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=6, help="of each kind of training")
    kills = parser.parse_args().kills
    for name, workers in _KINDS:
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            write_classes(Path(folder), 61, 1000, 2, 5)
            seen = compare(name, Path(folder), workers, kills)
        print(f"{name}, {workers} workers: {seen}  {time.perf_counter() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
