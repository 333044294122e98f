"""Small sets of files that several tests read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from sampling import (
    InputFn,
    InputFnDownsampleWithWeight,
    InputFnStratified,
    InputFnWithFakePairs,
    Schema,
)

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SCHEMA = Schema.from_dict(
    {"id": int, "x": float, "city": str, "label": int},
    label="label",
    features_to_forward=["id"],
)
PAIR_KEYS = {"user_key": "id", "item_key": "city"}


@dataclasses.dataclass
class Classes:
    """Positives with ids 0, 1, ... and negatives with ids P, P + 1, ..., in files by class."""

    folder: Path
    positives: int
    negatives: int

    def train(self, **options: Any) -> InputFnDownsampleWithWeight:
        paths = str(self.folder / "positive-*.csv"), str(self.folder / "negative-*.csv")
        return InputFnDownsampleWithWeight(*paths, **{"schema": SCHEMA, "is_train": True} | options)

    def test(self, **options: Any) -> InputFnDownsampleWithWeight:
        test_dir = str(self.folder / "*.csv")
        return InputFnDownsampleWithWeight(test_dir=test_dir, **{"schema": SCHEMA} | options)

    def pairs(self, **options: Any) -> InputFnWithFakePairs:
        """Positives as pairs of an id and a city."""
        files = str(self.folder / "positive-*.csv")
        known = {"user_features": lambda ids: {"x": ids / 4}}
        return InputFnWithFakePairs(files, **{"schema": SCHEMA, **PAIR_KEYS, **known} | options)

    def stratified(self, **options: Any) -> InputFnStratified:
        globs = {1: str(self.folder / "positive-*.csv"), 0: str(self.folder / "negative-*.csv")}
        return InputFnStratified(globs, **{"schema": SCHEMA} | options)

    def everything(self, **options: Any) -> InputFn:
        return InputFn(str(self.folder / "*.csv"), **{"schema": SCHEMA} | options)


def write_classes(
    folder: Path, positives: int, negatives: int, positive_files: int = 1, negative_files: int = 1
) -> Classes:
    ids = np.arange(positives + negatives)
    groups = {
        "positive": (ids[:positives], positive_files),
        "negative": (ids[positives:], negative_files),
    }
    for name, (of_class, number) in groups.items():
        for index, rows in enumerate(np.array_split(of_class, number)):
            frame(rows, rows < positives).to_csv(folder / f"{name}-{index:03}.csv", index=False)
    return Classes(folder, positives, negatives)


def frame(ids: np.ndarray, labels: Any) -> pd.DataFrame:
    """Rows whose other columns follow from the id, so that a mixed-up row shows."""
    x, city = ids / 4, [f"city {i % 7}" for i in ids]
    return pd.DataFrame({"id": ids, "x": x, "city": city, "label": np.asarray(labels, int)})


def ids_of(batches: Sequence[Any]) -> np.ndarray:
    """All ids of numpy batches or Dataset elements, in order."""
    features = [batch[0] if isinstance(batch, tuple) else batch for batch in batches]
    return np.concatenate([np.asarray(each["id"]) for each in features])


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Classes:
    """60 positives in 2 files, 1,000 negatives in 5."""
    return write_classes(tmp_path_factory.mktemp("classes"), 60, 1000, 2, 5)
