"""What every input function promises, checked for any sampler; run by our own tests, too."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sampling.errors import SamplingError
from sampling.input_fn.input_fn import InputFn

Make = Callable[..., InputFn]
Batch = tuple[dict[str, Any], np.ndarray, np.ndarray]
_BATCH_SIZE = 7  # divides hardly any epoch, so that batches are cut across chunks


class Epochs(NamedTuple):
    """Some epochs, row by row.

    Attributes:
        keys: what tells rows apart, all features in words, object [rows].
        labels: [rows]
        weights: float32 [rows]
    """

    keys: np.ndarray
    labels: np.ndarray
    weights: np.ndarray

    def where(self, rows: Any) -> Epochs:
        """Some of the rows: a mask or a slice."""
        return Epochs(*(column[rows] for column in self))


def check_sampler(make: Make, workers: Sequence[int] = (2, 3, 4)) -> None:
    """Checks that a sampler keeps the promises of `InputFn`.

        check_sampler(
            lambda **options: InputFn("data/*.csv", schema, sampler=MySampler(), **options))

    It checks totals, coverage, repeatability, states, workers, and that numpy, Keras and Estimators
    get the same rows. Let the files have some hundred to some thousand rows, each row different,
    and labels.

    Args:
        make: called with batch_size, num_epochs and seed by name; returns an input function that
            shuffles or not, as you like.
        workers: in how many parts the rows are divided.

    Raises:
        SamplingError: a promise is broken; the sentence says which.
    """
    check_totals(make)
    check_coverage(make)
    check_repeats(make)
    check_same_rows_everywhere(make)
    check_states(make)
    for number in workers:
        check_workers(make, number)


def check_totals(make: Make) -> None:
    """An epoch has the rows and steps that are announced, and its prior is that of the stream."""
    input_fn = make(batch_size=_BATCH_SIZE, num_epochs=2, seed=1)
    sizes = [len(weights) for *_, weights in _batches(input_fn)]
    _check(
        sum(sizes) == 2 * input_fn.rows_per_epoch,
        f"two epochs have {sum(sizes):,} rows, expected 2 x rows_per_epoch = "
        f"{2 * input_fn.rows_per_epoch:,}; make the plan say how many rows there are",
    )
    _check(
        len(sizes) == 2 * input_fn.steps_per_epoch,
        f"two epochs have {len(sizes):,} batches, expected {2 * input_fn.steps_per_epoch:,}",
    )
    _check(
        input_fn.describe()["rows_per_epoch"] == input_fn.rows_per_epoch,
        "describe() says another number of rows than rows_per_epoch",
    )


def check_coverage(make: Make) -> None:
    """Rows of a class are seen equally often, give or take one, over the epochs."""
    input_fn = make(batch_size=_BATCH_SIZE, num_epochs=4, seed=1)
    if _is_up_to_chance(input_fn):
        return
    epochs = _epochs(input_fn)
    has_classes = len(input_fn.usage()["rows_in_files"]) > 1
    for label in np.unique(epochs.labels) if has_classes else [None]:
        of_class = epochs.where(slice(None) if label is None else epochs.labels == label)
        _, times = np.unique(of_class.keys, return_counts=True)
        _check(
            times.max() - times.min() <= 1,
            f"after four epochs some rows came {times.max()} times and some {times.min()}, "
            "expected each once before any comes again",
        )


def check_repeats(make: Make) -> None:
    """The same seed gives the same rows in the same order, and a new call starts afresh."""
    input_fn = make(batch_size=_BATCH_SIZE, num_epochs=2, seed=5)
    first, again = _epochs(input_fn), _epochs(input_fn)
    other = _epochs(make(batch_size=_BATCH_SIZE, num_epochs=2, seed=5))
    for epochs in (again, other):
        _check(
            _equal(first, epochs),
            "the same seed gave other rows; draw all random numbers from the generator given",
        )


def check_same_rows_everywhere(make: Make) -> None:
    """numpy, Keras and Estimators get the same rows."""
    input_fn = make(batch_size=_BATCH_SIZE, num_epochs=1, seed=2)
    ours = _epochs(input_fn)
    names = list(next(input_fn.batches())[0])
    keras = list(input_fn.dataset())
    estimator = [(features, labels, features["weight"]) for features, labels in input_fn()]
    for name, theirs in {"Keras": keras, "an Estimator": estimator}.items():
        in_numpy = [
            ({key: np.asarray(of[key]) for key in names}, np.asarray(labels), np.asarray(weights))
            for of, labels, weights in theirs
        ]
        _check(_equal(ours, _joined(in_numpy)), f"{name} gets other rows than numpy")


def check_states(make: Make) -> None:
    """From a saved state on the same rows follow, wherever it was saved."""
    input_fn = make(batch_size=_BATCH_SIZE, num_epochs=3, seed=3)
    whole, rows = _epochs(input_fn), input_fn.rows_per_epoch
    places = (0, 1, rows // 2, rows - 1, rows, rows + 1, 2 * rows + rows // 3)
    for place in sorted({each for each in places if 0 <= each < 3 * rows}):
        state = json.loads(json.dumps(input_fn.state(place)))
        _check(len(json.dumps(state)) < 1024, f"the state takes {len(json.dumps(state))} bytes")
        restored = make(batch_size=_BATCH_SIZE, num_epochs=3, seed=3)
        restored.restore(state)
        rest = _epochs(restored)
        _check(
            _equal(rest, whole.where(slice(place, None))),
            f"after the state at row {place:,} of {3 * rows:,} other rows follow",
        )


def check_workers(make: Make, number: int) -> None:
    """So many workers have the rows of one process between them, none twice, in equal steps."""
    alone = _epochs(make(batch_size=_BATCH_SIZE, num_epochs=1, seed=4))
    parts, steps = [], []
    for index in range(number):
        input_fn = make(batch_size=_BATCH_SIZE, num_epochs=1, seed=4)
        batches = list(_batches(input_fn, tf.distribute.InputContext(number, index)))
        steps.append([len(weights) for *_, weights in batches])
        part = _joined(batches)
        parts.append(part.where(part.weights > 0))
    announced = make(batch_size=_BATCH_SIZE, num_epochs=1, seed=4).rows_per_worker(number)
    found = [len(part.keys) for part in parts]
    alone_rows = int((alone.weights > 0).sum())
    _check(
        sum(found) == alone_rows,
        f"{number} workers have {sum(found):,} rows in an epoch, expected the {alone_rows:,} of "
        "one process between them; say in the plan how many rows an epoch of all workers has",
    )
    _check(
        found == announced,
        f"{number} workers have {found} rows, expected rows_per_worker({number}) = {announced}",
    )
    _check(
        all(each == steps[0] for each in steps),
        f"workers in step have {[len(each) for each in steps]} batches, expected equal ones",
    )
    if _is_up_to_chance(input_fn):
        return
    masses = [float(part.weights.sum(dtype=np.float64)) for part in parts]
    mass = float(alone.weights.sum(dtype=np.float64))
    _check(
        math.isclose(sum(masses), mass, rel_tol=1e-4),
        f"the rows of {number} workers weigh {sum(masses):g} in all, expected {mass:g}",
    )
    _, times = np.unique(alone.keys, return_counts=True)
    together = np.concatenate([part.keys for part in parts])
    if times.max() == 1:
        twice = len(together) - len(np.unique(together))
        _check(not twice, f"{twice:,} rows are two workers', expected each to be one's")


def _epochs(input_fn: InputFn) -> Epochs:
    return _joined(list(_batches(input_fn)))


def _is_up_to_chance(input_fn: InputFn) -> bool:
    """Whether how often a row comes is up to its rate, or to a draw."""
    described = input_fn.describe()
    return "mean_rate" in described or len(described.get("rows_in_an_epoch", ())) > len(
        described.get("rows_in_files", ())
    )


def _batches(input_fn: InputFn, context: Any = None) -> Iterator[Batch]:
    yield from input_fn.batches(input_context=context)


def _joined(batches: Sequence[Batch]) -> Epochs:
    keys = list(itertools.chain.from_iterable(_keys(features) for features, *_ in batches))
    joined = np.empty(len(keys), object)
    joined[:] = keys
    labels, weights = (np.concatenate([batch[at] for batch in batches]) for at in (1, 2))
    return Epochs(joined, labels, weights)


def _keys(features: dict[str, Any]) -> Iterator[str]:
    columns = [np.asarray(features[name]).tolist() for name in sorted(features)]
    return (repr(row) for row in zip(*columns, strict=True))


def _equal(one: Epochs, other: Epochs) -> bool:
    return one.keys.tolist() == other.keys.tolist() and np.array_equal(one.weights, other.weights)


def _check(holds: bool, sentence: str) -> None:
    if not holds:
        raise SamplingError(sentence)
