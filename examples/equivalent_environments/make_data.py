"""Points in the plane of two classes, whose true boundary is known: a line, or two moons'.

    data = make_data("data", "moons", positives=20_000, true_ratio=20)

    data/positive.csv   x,y of class 1
    data/negative.csv   x,y of class 0, true_ratio times as many
    data/test.csv       x,y,label of both, at the same ratio

Each class is a mixture of normal distributions, so the ratio of their densities is a formula. Where
it is 1, a row is likelier positive than the average row: the boundary of all four environments.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sampling import Schema

SCHEMA = Schema.from_dict({"x": float, "y": float, "label": int}, label="label")
TEST_SHARE = 0.5  # test rows for each training row


class Class(NamedTuple):
    """Normal distributions of the same width around some points, each as likely.

    Args:
        centres: [points, 2]
        width: their standard deviation.
    """

    centres: np.ndarray
    width: float

    def draw(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        """[rows, 2]"""
        chosen = self.centres[rng.integers(len(self.centres), size=rows)]
        return chosen + rng.normal(0, self.width, (rows, 2))

    def density(self, points: np.ndarray) -> np.ndarray:
        """[n, 2] -> [n]"""
        squares = ((points[:, np.newaxis] - self.centres) ** 2).sum(axis=2)
        bells = np.exp(-squares / (2 * self.width**2)) / (2 * np.pi * self.width**2)
        return bells.mean(axis=1)


def _arc(centre: tuple[float, float], begin: float, end: float) -> np.ndarray:
    angles = np.linspace(begin, end, 15)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * 2 + centre


BOUNDARIES = {  # class 1, class 0
    "line": (Class(np.array([[1.0, 0.7]]), 1.0), Class(np.array([[-1.0, -0.7]]), 1.0)),
    "moons": (
        Class(_arc((-1.0, -0.7), 0, np.pi), 0.35),
        Class(_arc((1.0, 0.7), np.pi, 2 * np.pi), 0.35),
    ),
}


def likelihood_ratio(boundary: str, points: np.ndarray) -> np.ndarray:
    """Density of class 1 / density of class 0 at points [n, 2]."""
    positive, negative = BOUNDARIES[boundary]
    return positive.density(points) / negative.density(points)


def make_data(
    folder: str | Path, boundary: str, positives: int, true_ratio: int, seed: int = 0
) -> Path:
    """Writes the three files to `folder`; the same arguments give the same bytes."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    positive, negative = BOUNDARIES[boundary]
    for name, of_class, rows in (
        ("positive", positive, positives),
        ("negative", negative, positives * true_ratio),
    ):
        _table(of_class.draw(rng, rows)).to_csv(folder / f"{name}.csv", index=False)
    tested = round(positives * TEST_SHARE)
    tables = [
        _table(positive.draw(rng, tested)).assign(label=1),
        _table(negative.draw(rng, tested * true_ratio)).assign(label=0),
    ]
    pd.concat(tables).to_csv(folder / "test.csv", index=False)
    return folder


def _table(points: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(points.round(4), columns=["x", "y"])
