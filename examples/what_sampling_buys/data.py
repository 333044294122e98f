"""The two sets of the study, as files of each class, and of test rows.

shoppers    the embedded data of examples/acquire_valued_shoppers: the true probabilities are known
celeba      the attributes of 202,599 faces, 2.2 % of them bald (CSV with the label first)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from examples.acquire_valued_shoppers import make_data
from examples.acquire_valued_shoppers.schema import SCHEMA as SHOPPERS_SCHEMA
from sampling import InputFnDownsampleWithWeight, Schema

_MEASURED_BATCHES = 10


class Set(NamedTuple):
    """Files, and what a model takes from them.

    Attributes:
        numbers: names of the features that are numbers.
        categories: how many values there are of the feature "category"; 0: there is none.
        transform: what the input functions do to tables.
        truth: of the test rows [n], the probability that each label was drawn from, if known.
    """

    name: str
    folder: Path
    schema: Schema
    numbers: tuple[str, ...]
    categories: int
    transform: Any
    truth: np.ndarray | None

    def train(self, **options: Any) -> InputFnDownsampleWithWeight:
        classes = self.folder / "train/positive/*.csv", self.folder / "train/negative/*.csv"
        common = {"schema": self.schema, "is_train": True, "transform": self.transform}
        return InputFnDownsampleWithWeight(*classes, **common | options)

    def test(self) -> InputFnDownsampleWithWeight:
        return InputFnDownsampleWithWeight(
            test_dir=self.folder / "test/*.csv",
            schema=self.schema,
            batch_size=65_536,
            transform=self.transform,
        )

    @property
    def features(self) -> tuple[str, ...]:
        return (*self.numbers, "category") if self.categories else self.numbers


def moments(of: Set) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances [numbers] in the files, by the weights of some rows of a sample."""
    rows, weights = [], []
    for features, _, weight in of.train(weight="auto", batch_size=4_096).batches(of.numbers):
        rows.append(np.stack([features[name] for name in of.numbers], axis=1))
        weights.append(weight)
        if len(rows) == _MEASURED_BATCHES:
            break
    table, weight = np.concatenate(rows).astype(np.float64), np.concatenate(weights)
    means = np.average(table, axis=0, weights=weight)
    return means, np.average((table - means) ** 2, axis=0, weights=weight)


def shoppers(folder: Path, rows: int, seed: int = 0) -> Set:
    """Made where it is not there."""
    if not folder.exists():
        make_data.make_data(folder, rows, seed)
    numbers = tuple(
        field.name
        for field in SHOPPERS_SCHEMA.features
        if field.name not in ("customer_id", "brand")
    )
    truth = pd.concat(map(pd.read_csv, sorted((folder / "truth/test").glob("*.csv"))))
    brands = pa.array(make_data.make_population(seed).brands.id)

    def transform(table: pa.Table) -> pa.Table:
        """Logarithms, at about unit scale, and a number for each brand."""
        for name in numbers:
            scaled = pc.subtract(pc.log1p(pc.cast(table[name], pa.float32())), 2)
            table = table.set_column(table.column_names.index(name), name, scaled)
        category = pc.cast(pc.index_in(table["brand"], brands), pa.int64())
        return table.append_column("category", category)

    return Set(
        "shoppers",
        folder,
        SHOPPERS_SCHEMA,
        numbers,
        len(brands),
        transform,
        truth["probability"].to_numpy(),
    )


def celeba(folder: Path, source: Path) -> Set:
    """Cut into 80 % to train on and 20 % to test, where that has not been done."""
    if not folder.exists():
        table = pd.read_csv(source)
        in_train = np.random.default_rng(0).random(len(table)) < 0.8
        _write(table[in_train & (table["label"] == 1)], folder / "train/positive/part.csv")
        _write(table[in_train & (table["label"] == 0)], folder / "train/negative/part.csv")
        _write(table[~in_train], folder / "test/part.csv")
    names = pd.read_csv(folder / "test/part.csv", nrows=0).columns
    schema = Schema.from_dict(dict.fromkeys(names, int), label="label")
    return Set("celeba", folder, schema, _without(names, "label"), 0, None, None)


def _write(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True)
    table.to_csv(path, index=False)


def _without(names: Sequence[str], name: str) -> tuple[str, ...]:
    return tuple(each for each in names if each != name)
