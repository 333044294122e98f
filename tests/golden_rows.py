"""Checksums of the rows that every input function gives, as `golden_rows.json` holds them.

    python -m tests.golden_rows

writes that file anew. Do so only where a change is meant to give other rows or another order:
checkpoints made before it then go on with other rows.
"""

from __future__ import annotations

import functools
import json
import tempfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from sampling import (
    InputFn,
    InputFnDownsampleWithWeight,
    InputFnResample,
    InputFnStratified,
    InputFnWithFakePairs,
    Schema,
)
from tests import written
from tests.conftest import Classes, rates, write_classes
from tests.makers import MAKERS

PATH = Path(__file__).with_suffix(".json")
SEEDS = (0, 7)
WORKERS = [(index, number) for number in (1, 2, 3) for index in range(number)]
EPOCHS = 3

# Epochs of these sets take several chunks of 32,768 rows, the last of which is not full.
POSITIVES, NEGATIVES = 20_000, 150_000
USERS, ITEMS, PAIRS = 3000, 500, 60_000
LARGE_WORKERS = [(0, 1), (1, 2)]
LARGE_OPTIONS = {"num_epochs": 2, "seed": 7, "batch_size": 500}
_LABELED = Schema.from_dict({"id": int, "x": float, "label": int}, label="label")
_PLAYS = Schema.from_dict({"user": int, "item": int, "label": int}, label="label")
_EXACT = {"shares": {0: 0.6, 1: 0.4}, "exact_batches": True, "weight": "auto"}


class LargeSet:
    """Rows of two classes, in files by class and in mixed ones, and observed pairs."""

    def __init__(self, folder: Path):
        self.folder = folder
        generator = np.random.default_rng(11)
        ids = np.arange(POSITIVES + NEGATIVES)
        x = generator.integers(1_000_000, size=len(ids)) / 4
        rows = pd.DataFrame({"id": ids, "x": x, "label": (ids < POSITIVES).astype(int)})
        self._write("positive", rows[:POSITIVES], 3)
        self._write("negative", rows[POSITIVES:], 7)
        self._write("mixed", rows.iloc[np.argsort(generator.random(len(ids)), kind="stable")], 4)
        users = generator.integers(USERS, size=2 * PAIRS)
        items = (ITEMS * generator.random(2 * PAIRS) ** 2).astype(int)  # some are more popular
        pairs = pd.DataFrame({"user": users, "item": items, "label": 1}).drop_duplicates()
        assert len(pairs) >= PAIRS
        self._write("pairs", pairs[:PAIRS], 5)

    def _write(self, name: str, rows: pd.DataFrame, files: int) -> None:
        edges = np.linspace(0, len(rows), files + 1).astype(int)
        for index in range(files):
            part = rows.iloc[edges[index] : edges[index + 1]]
            written.write(part, self.folder / f"{name}-{index}.csv")

    def files(self, name: str) -> str:
        return str(self.folder / f"{name}-*.csv")

    def downsampled(self, **options: Any) -> InputFnDownsampleWithWeight:
        classes = self.files("positive"), self.files("negative")
        options = {"weight": "auto", **LARGE_OPTIONS, **options}
        return InputFnDownsampleWithWeight(*classes, schema=_LABELED, is_train=True, **options)

    def stratified(self, **options: Any) -> InputFnStratified:
        classes = {1: self.files("positive"), 0: self.files("negative")}
        return InputFnStratified(classes, _LABELED, **LARGE_OPTIONS, **options)

    def mixed(self, **options: Any) -> InputFnStratified:
        return InputFnStratified(self.files("mixed"), _LABELED, **LARGE_OPTIONS, **options)

    def resampled(self, **options: Any) -> InputFnResample:
        return InputFnResample(self.files("mixed"), _LABELED, rates, **LARGE_OPTIONS, **options)

    def everything(self, **options: Any) -> InputFn:
        return InputFn(self.files("mixed"), _LABELED, **LARGE_OPTIONS, **options)

    def fake_pairs(self, **options: Any) -> InputFnWithFakePairs:
        arguments = self.files("pairs"), _PLAYS, "user", "item"
        return InputFnWithFakePairs(*arguments, **LARGE_OPTIONS, **options)


LARGE: dict[str, Callable[[LargeSet], InputFn]] = {
    "downsample 1": lambda of: of.downsampled(multiplier=1),
    "downsample 2.5": lambda of: of.downsampled(multiplier=2.5),
    "downsample 4": lambda of: of.downsampled(multiplier=4),
    "downsample natural": lambda of: of.downsampled(multiplier="natural"),
    "downsample majority epoch": lambda of: of.downsampled(multiplier=2.5, epoch="majority"),
    "downsample small pool": lambda of: of.downsampled(multiplier=3, pool_rows=5000),
    "downsample unshuffled": lambda of: of.downsampled(multiplier=2.5, shuffle=False),
    "stratified exact batches": lambda of: of.stratified(**_EXACT),
    "mixed files exact batches": lambda of: of.mixed(**_EXACT),
    "mixed files small pool": lambda of: of.mixed(epoch="majority", pool_rows=5000),
    "resampled": lambda of: of.resampled(weight="inverse"),
    "all shuffled": lambda of: of.everything(shuffle=True),
    "fake pairs uniform": lambda of: of.fake_pairs(fakes="uniform"),
    "fake pairs per user": lambda of: of.fake_pairs(fakes="per_user", negatives_per_positive=2.5),
    "fake pairs popularity": lambda of: of.fake_pairs(fakes="popularity"),
    "fake pairs paired": lambda of: of.fake_pairs(paired=True, exact_batches=True),
}


def small(name: str, classes: Classes) -> dict[str, str]:
    """What one of the contract's input functions gives, by seed and worker."""
    found = {}
    for seed in SEEDS:
        make = functools.partial(MAKERS[name], classes, num_epochs=EPOCHS, seed=seed)
        for worker in WORKERS:
            found |= _of_worker(f"seed {seed}, ", make, *worker)
    return found


def large(name: str, files: LargeSet) -> dict[str, str]:
    """What an input function gives whose epochs have several chunks, by worker."""
    make = functools.partial(LARGE[name], files)
    return {k: v for worker in LARGE_WORKERS for k, v in _of_worker("", make, *worker).items()}


def _of_worker(prefix: str, make: Callable[[], InputFn], index: int, number: int) -> dict[str, str]:
    """Of all rows, and of those that follow a state from the middle of an epoch."""
    context = tf.distribute.InputContext(number, index, number)
    input_fn, restored = make(), make()
    rows, whole = _checksums(input_fn.batches(input_context=context))
    # Two fifths of one, two or three epochs are never at an epoch's end.
    restored.restore(json.loads(json.dumps(input_fn.state(2 * rows // 5))))
    _, rest = _checksums(restored.batches(input_context=context))
    worker = f"{prefix}worker {index} of {number}"
    return {worker: whole, f"{worker}, restored": rest}


def _checksums(batches: Iterable[Any]) -> tuple[int, str]:
    """The number of rows, and with it in words: batches and the CRC-32 of what they hold."""
    features, labels, weights = zip(*batches, strict=True)
    columns = {name: np.concatenate([each[name] for each in features]) for name in features[0]}
    # Integers and strings say which row it is. Logarithms may differ in the last bit by platform.
    ids = [_bytes(columns[name]) for name in sorted(columns) if columns[name].dtype != np.float32]
    rows = sum(map(len, labels))
    parts = {
        "ids": b"".join(ids),
        "labels": _bytes(np.concatenate(labels)),
        "weights": _bytes(np.concatenate(weights)),
    }
    checksums = ", ".join(f"{name} {zlib.crc32(data):08x}" for name, data in parts.items())
    return rows, f"{len(labels)} batches, {rows} rows, {checksums}"


def _bytes(column: np.ndarray) -> bytes:
    if column.dtype == object:
        return b"\n".join(column)
    assert column.dtype in (np.int64, np.float32)
    return column.astype(column.dtype.newbyteorder("<")).tobytes()


def main() -> None:
    with tempfile.TemporaryDirectory() as small_folder, tempfile.TemporaryDirectory() as folder:
        classes = write_classes(Path(small_folder), 60, 1000, 2, 5)
        files = LargeSet(Path(folder))
        found = {
            "small": {name: small(name, classes) for name in MAKERS},
            "large": {name: large(name, files) for name in LARGE},
        }
    PATH.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
