"""Trains the four environments on the same files, and draws them side by side.

python -m examples.equivalent_environments.compare --output output/equivalent_environments

environment                        threshold  mean output  ... agrees with all
natural                            0.048      0.048
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from examples.equivalent_environments.make_data import BOUNDARIES, SCHEMA, make_data
from sampling import InputFnDownsampleWithWeight
from sampling.probabilities.calibration import equivalent_environments

EPOCHS, BATCH_SIZE, LEARNING_RATE = 6, 256, 0.03
HIDDEN_UNITS = {"line": (), "moons": (32, 16)}
GRID = np.linspace(-4.5, 4.5, 181)


class Trained(NamedTuple):
    """What came of one environment.

    Attributes:
        threshold: of an output, from which a row counts as positive.
        shown: points [n, 2] and labels [n] of an epoch's first rows.
        outputs: of the test rows [n].
        surface: of the grid [n, n], y first.
        rows, bytes: of an epoch.
        seconds: of the training, without the first step, which compiles.
    """

    threshold: float
    shown: tuple[np.ndarray, np.ndarray]
    outputs: np.ndarray
    surface: np.ndarray
    rows: int
    bytes: int
    seconds: float

    @property
    def decisions(self) -> np.ndarray:
        return self.outputs >= self.threshold


def environments(folder: Path, true_ratio: int, seed: int = 0) -> dict[str, Any]:
    """The input function of each, by `calibration.equivalent_environments`' names."""

    def input_fn(multiplier: float, weight: float | str) -> InputFnDownsampleWithWeight:
        return InputFnDownsampleWithWeight(
            folder / "positive.csv",
            folder / "negative.csv",
            schema=SCHEMA,
            is_train=True,
            batch_size=BATCH_SIZE,
            multiplier=multiplier,
            weight=weight,
            normalize_weights=True,
            seed=seed,
        )

    return {
        "natural": input_fn(true_ratio, 1),
        "balanced": input_fn(1, 1),
        "natural, upweighted positives": input_fn(true_ratio, 1 / true_ratio),
        "balanced, upweighted negatives": input_fn(1, "auto"),
    }


def compare(folder: Path, boundary: str, true_ratio: int, seed: int = 0) -> dict[str, Trained]:
    """The four, trained on the files that `make_data` wrote to `folder`."""
    points, _ = test_rows(folder)
    expected = equivalent_environments(true_ratio)
    trained = {}
    for name, input_fn in environments(folder, true_ratio, seed).items():
        tf.keras.utils.set_random_seed(seed)
        model, seconds = _train(input_fn, HIDDEN_UNITS[boundary])
        description = input_fn.describe()
        trained[name] = Trained(
            expected[name].threshold(),
            _first(input_fn),
            _outputs(model, points),
            _outputs(model, grid_points()).reshape(len(GRID), len(GRID)),
            description["rows_per_epoch"],
            description["bytes_per_epoch"],
            seconds,
        )
    return trained


def agreement(trained: dict[str, Trained]) -> float:
    """The share of test rows on which all of them decide alike."""
    decisions = np.stack([each.decisions for each in trained.values()])
    return float((decisions == decisions[0]).all(axis=0).mean())


def test_rows(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Points [n, 2] and labels [n]."""
    test = InputFnDownsampleWithWeight(test_dir=folder / "test.csv", schema=SCHEMA)
    batches = list(test.batches())
    points = [np.stack([features["x"], features["y"]], axis=1) for features, *_ in batches]
    return np.concatenate(points), np.concatenate([labels for _, labels, _ in batches])


def grid_points() -> np.ndarray:
    """[n * n, 2]"""
    x, y = np.meshgrid(GRID, GRID)
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


class _Clock(tf.keras.callbacks.Callback):
    """Seconds since the first step's end."""

    began = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.began = self.began or time.perf_counter()

    def seconds(self) -> float:
        return time.perf_counter() - self.began


def _train(input_fn: Any, hidden_units: Sequence[int]) -> tuple[Any, float]:
    rate = tf.keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE, EPOCHS * input_fn.steps_per_epoch
    )
    hidden = [tf.keras.layers.Dense(units, "tanh") for units in hidden_units]
    model = tf.keras.Sequential([tf.keras.Input([2]), *hidden, tf.keras.layers.Dense(1, "sigmoid")])
    model.compile(tf.keras.optimizers.Adam(rate), "binary_crossentropy")
    clock = _Clock()
    model.fit(input_fn.dataset(stacked=True), epochs=EPOCHS, verbose=0, callbacks=[clock])
    return model, clock.seconds()


def _outputs(model: Any, points: np.ndarray) -> np.ndarray:
    return np.asarray(model.predict(points, batch_size=65_536, verbose=0))[:, 0]


def _first(input_fn: Any, rows: int = 1_500) -> tuple[np.ndarray, np.ndarray]:
    points, labels = [], []
    for features, label, _ in input_fn.batches():
        points.append(np.stack([features["x"], features["y"]], axis=1))
        labels.append(label)
        if len(labels) * BATCH_SIZE >= rows:
            break
    return np.concatenate(points)[:rows], np.concatenate(labels)[:rows]


def main(arguments: Sequence[str] | None = None) -> None:
    from examples.equivalent_environments import picture

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True, help="directory for files and picture")
    parser.add_argument("--positives", type=int, default=30_000)
    parser.add_argument("--true_ratio", type=int, default=20, help="negatives for each positive")
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args(arguments)
    output, compared = Path(flags.output), {}
    for boundary in BOUNDARIES:
        folder = make_data(
            output / boundary, boundary, flags.positives, flags.true_ratio, flags.seed
        )
        compared[boundary] = compare(folder, boundary, flags.true_ratio, flags.seed)
        print(_table(boundary, compared[boundary]), flush=True)
    path = output / "equivalent_environments.png"
    picture.draw(compared, flags.true_ratio, path)
    print(f"picture: {path}")


def _table(boundary: str, trained: dict[str, Trained]) -> str:
    lines = [
        f"{boundary + ', trained on':<34}rows/epoch  seconds  threshold  mean output  positive"
    ]
    for name, each in trained.items():
        lines.append(
            f"  {name:<32}{each.rows:>10,}{each.seconds:>9.1f}{each.threshold:>11.4f}"
            f"{each.outputs.mean():>13.4f}{each.decisions.mean():>10.2%}"
        )
    return "\n".join([*lines, f"  all four agree on {agreement(trained):.2%} of the test rows"])


if __name__ == "__main__":
    main()
