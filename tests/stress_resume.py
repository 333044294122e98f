"""Trainings killed at random moments and started again, beside one never killed.

    python -m tests.stress_resume --kills 20

The tests run the same in short form.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from pathlib import Path

from tests import resumable
from tests.conftest import write_classes
from tests.resumable import CASES

# A server that has TensorFlow in memory makes the processes, which spares each its import.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.resumable"])


def batches_of(lines):
    """Ids by step: after each start those up to the checkpoint, and those trained on from there."""
    effective = {}
    for line in lines:
        word, value = line.split()
        if word == "resumed":
            effective = {step: ids for step, ids in effective.items() if step <= int(value)}
        else:
            effective[int(word)] = value
    return effective


def killed(name, folder, kills, seed):
    """Trains until so many processes were killed and the last training has ended.

    Returns:
        For each training: kills and the lines of its log.
    """
    generator, trainings, left = random.Random(f"{name} {seed}"), [], kills
    steps = resumable.num_steps(name, folder)
    while left or not trainings:
        job_dir = Path(tempfile.mkdtemp(dir=folder))
        before = left
        while _start_and_kill(name, folder, job_dir, generator, steps if left else None):
            left -= 1
        trainings.append((before - left, (job_dir / "log").read_text().splitlines()))
    return trainings


def _start_and_kill(name, folder, job_dir, generator, steps):
    """Whether it was killed: a moment after a random number of lines more, unless steps is None."""
    log = job_dir / "log"
    lines = len(_read(log))
    process = _CONTEXT.Process(target=resumable.train, args=(name, folder, job_dir))
    process.start()
    if steps is not None:
        last = lines + generator.randint(0, steps // 2)
        while process.is_alive() and len(_read(log)) < last:
            time.sleep(0.002)
        time.sleep(generator.uniform(0, 0.2))
        process.kill()
    process.join()
    if process.exitcode not in (0, -9):
        raise RuntimeError(f"{name}: the training ended with {process.exitcode}, expected 0")
    return process.exitcode == -9


def _read(path):
    return path.read_text().splitlines() if path.exists() else []


def compare(name, folder, kills, seed=0):
    """How many batches differ from those of a training never killed, and what was seen."""
    ((_, lines),) = killed(name, folder, 0, seed)
    whole, different, repeated = batches_of(lines), 0, 0
    assert sorted(whole) == list(range(1, len(whole) + 1))
    trainings = killed(name, folder, kills, seed)
    for _, lines in trainings:
        batches = batches_of(lines)
        steps = set(whole) | set(batches)
        different += sum(whole.get(step) != batches.get(step) for step in steps)
        logged = [line.split() for line in lines if not line.startswith("resumed")]
        different += sum(whole.get(int(step)) != ids for step, ids in logged)
        repeated += len(logged) - len(batches)
    return different, len(whole), len(trainings), sum(number for number, _ in trainings), repeated


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="of each kind of training")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments, failed = parser.parse_args(), False
    with tempfile.TemporaryDirectory() as folder:
        write_classes(Path(folder), 60, 500, 2, 5)
        for name in CASES:
            begin = time.perf_counter()
            different, steps, trainings, kills, repeated = compare(
                name, Path(folder), arguments.kills, arguments.seed
            )
            failed |= different > 0
            print(
                f"{name:<34}{kills} kills in {trainings} trainings of {steps} batches  "
                f"{repeated} trained on again  {different} differ  "
                f"{time.perf_counter() - begin:.0f} s",
                flush=True,
            )
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
