"""What more negatives, more of them in an epoch, and more files cost the engine, in numpy."""

from __future__ import annotations

import collections
import itertools
import time
from typing import Any

from benchmarks.data import SCHEMA, Set
from benchmarks.fresh import in_turn, progress
from sampling import InputFnDownsampleWithWeight

EPOCHS = 4  # in a repetition, after the first
_PAUSE = 0.2  # seconds, in which what the case before reads ahead comes to its end

Case = tuple[dict[str, Any], float]  # a set and a multiplier


def measure(
    cases: dict[str, Case], batch_size: int, repetitions: int
) -> list[dict[str, dict[str, float]]]:
    """For every repetition and case: seconds to the first batch, and of an epoch after the first.

    All cases take turns in one process: a busy minute of the machine meets all of them.
    """
    names = list(cases)
    _measure_in_turn({names[0]: cases[names[0]]}, batch_size)  # first use costs more
    results = []
    for repetition in range(repetitions):
        progress(f"growth {repetition + 1}/{repetitions}")
        ordered = {name: cases[name] for name in in_turn(names, repetition)}
        results.append(_measure_in_turn(ordered, batch_size))
    return results


def count(files: dict[str, Any], repetitions: int) -> list[float]:
    """Seconds to count the negatives, each time anew."""
    seconds = []
    for _ in range(repetitions):
        input_fn = _input_fn((files, 1), batch_size=1)
        begin = time.perf_counter()
        input_fn.negative_size  # noqa: B018  # asking is what has them counted
        seconds.append(time.perf_counter() - begin)
    return seconds


def _measure_in_turn(cases: dict[str, Case], batch_size: int) -> dict[str, dict[str, float]]:
    result = {}
    for name, case in cases.items():
        time.sleep(_PAUSE)
        begin = time.perf_counter()
        batches = _input_fn(case, batch_size).batches()
        next(batches)
        first_batch = time.perf_counter() - begin
        rows = round(case[0]["positives"] * (1 + case[1]))
        steps = -(-rows // batch_size)
        collections.deque(itertools.islice(batches, steps - 1), maxlen=0)
        begin = time.perf_counter()
        collections.deque(itertools.islice(batches, EPOCHS * steps), maxlen=0)
        epoch = (time.perf_counter() - begin) / EPOCHS
        result[name] = {"rows": rows, "first_batch": first_batch, "epoch": epoch}
    return result


def _input_fn(case: Case, batch_size: int) -> InputFnDownsampleWithWeight:
    files, multiplier = Set(**case[0]), case[1]
    return InputFnDownsampleWithWeight(
        files.positive,
        files.negative,
        schema=SCHEMA,
        is_train=True,
        batch_size=batch_size,
        num_epochs=1 + EPOCHS,
        multiplier=multiplier,
        weight=files.negatives / files.positives / multiplier,
    )
