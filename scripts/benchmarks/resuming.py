"""What a state of the input costs, and going on from it, the further in it was saved."""

from __future__ import annotations

import collections
import itertools
import json
import time
from typing import Any

from benchmarks.data import SCHEMA, Set
from benchmarks.fresh import in_turn, progress
from sampling import InputFnDownsampleWithWeight

START = "the start"
# Epoch, from 1, and the part of it that was trained on.
PLACES = {
    START: (1, 0.0),
    "1 % of epoch 1": (1, 0.01),
    "half of epoch 1": (1, 0.5),
    "99 % of epoch 1": (1, 0.99),
    "half of epoch 3": (3, 0.5),
    "half of epoch 10": (10, 0.5),
}

Saved = dict[str, dict[str, Any]]


def measure(
    files: dict[str, Any], batch_size: int, repetitions: int
) -> list[dict[str, dict[str, float]]]:
    """For every repetition and place: the rows before it, bytes of the state, and the seconds it
    takes to save it, to resume (from it to the next batch), and to read all that was before.
    """
    results = []
    for repetition in range(repetitions):
        progress(f"resuming {repetition + 1}/{repetitions}")
        saved = _saved(files, batch_size)
        for name in in_turn(list(saved), repetition):
            saved[name] |= _resumed(files, batch_size, saved[name].pop("state"))
        results.append(saved)
    return results


def _saved(files: dict[str, Any], batch_size: int) -> Saved:
    """One training that is saved at all places, in their order."""
    input_fn = _input_fn(files, batch_size)
    steps, passed, result = input_fn.steps_per_epoch, 0, {}
    batches, begin = input_fn.batches(), time.perf_counter()
    state_after, saving = input_fn.state_by_batches(), 0.0
    for name, (epoch, part) in PLACES.items():
        step = (epoch - 1) * steps + round(part * steps)
        collections.deque(itertools.islice(batches, step - passed), maxlen=0)
        passed, reached = step, time.perf_counter()
        state = state_after(step)
        seconds = time.perf_counter() - reached
        result[name] = {
            "rows": state["rows"],
            "bytes": len(json.dumps(state)),
            "state": state,
            "save": seconds,
            "read": reached - begin - saving,
        }
        saving += seconds
    return result


def _resumed(files: dict[str, Any], batch_size: int, state: dict[str, Any]) -> dict[str, float]:
    input_fn = _input_fn(files, batch_size)
    begin, cpu = time.perf_counter(), time.process_time()
    input_fn.restore(state)
    next(input_fn.batches())
    return {"resume": time.perf_counter() - begin, "cpu": time.process_time() - cpu}


def _input_fn(files: dict[str, Any], batch_size: int) -> InputFnDownsampleWithWeight:
    set_ = Set(**files)
    return InputFnDownsampleWithWeight(
        set_.positive,
        set_.negative,
        schema=SCHEMA,
        is_train=True,
        batch_size=batch_size,
        num_epochs=None,
        weight=set_.negatives / set_.positives,
    )
