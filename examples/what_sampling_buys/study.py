"""Trains on more and more of the majority: what does it buy, what does it cost?

    python -m examples.what_sampling_buys.study shoppers --output output/study
    python -m examples.what_sampling_buys.study celeba --output output/study --source celeba.csv.gz

writes results-shoppers.json, .md and .png: for each multiplier AUC, log loss, calibration, time to
train and bytes read, as means over seeds with their standard errors. --quick: does it run?
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from examples.what_sampling_buys import data
from sampling.report import measures
from sampling.report.rows import Predictions

EVERYTHING = 1000.0  # more negatives for each positive than there are
BATCH_SIZE = 512


class Setting(NamedTuple):
    """What is trained on, and whether its outputs are corrected afterwards."""

    name: str
    multiplier: float
    weight: float | str = "auto"
    corrected: bool = False


SETTINGS = (
    Setting("1 : 1, no weight", 1, 1.0),
    Setting("1 : 1, no weight, corrected", 1, 1.0, corrected=True),
    Setting("1 : 1", 1),
    Setting("1 : 2", 2),
    Setting("1 : 5", 5),
    Setting("1 : 10", 10),
    Setting("everything", EVERYTHING),
)
EXTREMES = tuple(each for each in SETTINGS if each.multiplier in (1, EVERYTHING))


class Recipe(NamedTuple):
    """How a set's models are trained.

    Args:
        passes: times that each negative is trained on, at least, ...
        epochs: ... in no fewer epochs than this.
        hidden_units: () is a logistic regression.
    """

    passes: float
    epochs: int
    hidden_units: tuple[int, ...]
    learning_rate: float

    def epochs_at(self, multiplier: float, negatives_per_positive: float) -> int:
        return max(self.epochs, math.ceil(self.passes * negatives_per_positive / multiplier))


# shoppers: a sample of the negatives is enough; celeba: so few positives that all negatives count
RECIPES = {"shoppers": Recipe(0.06, 1, (64, 32), 0.01), "celeba": Recipe(1, 5, (), 0.05)}


def run(
    of: data.Set, recipe: Recipe, seeds: Sequence[int], settings: Sequence[Setting] = SETTINGS
) -> list[dict[str, Any]]:
    """A row of figures for each seed and setting."""
    labels = np.concatenate([labels for _, labels, _ in of.test().batches(of.numbers[:1])])
    rows = []
    for seed in seeds:
        trained: dict[tuple[float, float | str], Trained] = {}
        for setting in settings:
            key = setting.multiplier, setting.weight
            if key not in trained:  # corrected or not, it is the same model
                trained[key] = train(of, recipe, setting, seed)
            outputs = trained[key].outputs
            if setting.corrected:
                outputs = trained[key].prior.correct(outputs)
            rows.append(
                {
                    "setting": setting.name,
                    "seed": seed,
                    **measured(outputs, labels, of.truth),
                    **trained[key].costs,
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


class Trained(NamedTuple):
    """Outputs for the test rows [n], the input function's prior, and what the training took."""

    outputs: np.ndarray
    prior: Any
    costs: dict[str, float]


def train(of: data.Set, recipe: Recipe, setting: Setting, seed: int) -> Trained:
    """A Keras model on the Dataset of the setting's input function."""
    tf.keras.utils.set_random_seed(seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "there are .* negatives")  # that is what is asked for
        input_fn = of.train(
            multiplier=setting.multiplier,
            weight=setting.weight,
            batch_size=BATCH_SIZE,
            seed=seed,
            normalize_weights=True,
        )
        described = input_fn.describe()
        positives, negatives = described["rows_in_files"].values()
        ratio = negatives / positives
        epochs = recipe.epochs_at(setting.multiplier, ratio)
    model = _model(of, recipe, epochs * input_fn.steps_per_epoch, input_fn.prior())
    clock = _Clock()
    dataset = input_fn.dataset(of.features).map(lambda x, y, w: (_stacked(of, x), y, w))
    read = _bytes_read()
    model.fit(dataset, epochs=epochs, verbose=0, callbacks=[clock])
    costs = {
        "epochs": epochs,
        "rows": epochs * input_fn.rows_per_epoch,
        "share_of_rows": input_fn.rows_per_epoch / (positives + negatives),
        "bytes_read": _bytes_read() - read,
        "seconds": clock.seconds(),
    }
    outputs = [
        np.asarray(model.predict_on_batch(_stacked(of, features)))[:, 0]
        for features, *_ in of.test().batches(of.features)
    ]
    return Trained(np.concatenate(outputs), input_fn.prior(), costs)


def measured(outputs: np.ndarray, labels: np.ndarray, truth: np.ndarray | None) -> dict[str, float]:
    """How good the outputs are; `ratio` is their mean over that of the truth, or of the labels."""
    predictions = Predictions(labels, outputs.astype(np.float64))
    losses = measures.losses(predictions)
    known = labels if truth is None else truth
    return {
        "auc": measures.areas(predictions)["auc"],
        "log_loss": losses["log_loss"],
        "ece": losses["ece"],
        "ratio": float(outputs.mean(dtype=np.float64) / known.mean()),
    }


class _Clock(tf.keras.callbacks.Callback):
    """Seconds since the first step, which compiles."""

    began = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.began = self.began or time.perf_counter()

    def seconds(self) -> float:
        return time.perf_counter() - self.began


def _model(of: data.Set, recipe: Recipe, steps: int, prior: Any) -> Any:
    """It begins with the prior of its stream for every row, which saves a long way."""
    layers = tf.keras.layers
    inputs = {"numbers": tf.keras.Input([len(of.numbers)], name="numbers")}
    means, variances = data.moments(of)
    joined = layers.Normalization(mean=means, variance=variances)(inputs["numbers"])
    if of.categories:
        inputs["category"] = tf.keras.Input([], name="category", dtype=tf.int64)
        joined = layers.Concatenate()(
            [joined, layers.Embedding(of.categories, 4)(inputs["category"])]
        )
    for units in recipe.hidden_units:
        joined = layers.Dense(units, "relu")(joined)
    bias = tf.keras.initializers.Constant(np.log(prior.stream[1] / prior.stream[0]))
    output = layers.Dense(1, "sigmoid", bias_initializer=bias)(joined)
    model = tf.keras.Model(inputs, output)
    # With a constant rate the last steps would decide on the mean output.
    rate = tf.keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
    model.compile(tf.keras.optimizers.Adam(rate), "binary_crossentropy")
    return model


def _stacked(of: data.Set, features: Any) -> dict[str, Any]:
    numbers = [tf.cast(features[name], tf.float32) for name in of.numbers]
    stacked = {"numbers": tf.stack(numbers, axis=1)}
    return {**stacked, "category": features["category"]} if of.categories else stacked


def _bytes_read() -> int:
    """By this process so far; Linux alone can tell."""
    file = Path("/proc/self/io")
    if not file.exists():
        return 0
    return int(file.read_text().split()[1])


def main(arguments: Sequence[str] | None = None) -> None:
    from examples.what_sampling_buys import report

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", choices=list(RECIPES))
    parser.add_argument("--output", required=True, help="directory for files, tables and pictures")
    parser.add_argument("--source", help="celeba: its CSV file, the label first")
    parser.add_argument("--rows", type=int, default=2_000_000, help="shoppers: customers to make")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each setting")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="does it run? little data, one seed, nothing between 1 : 1 and everything",
    )
    flags = parser.parse_args(arguments)
    output = Path(flags.output)
    if flags.set == "celeba":
        if not flags.source:
            parser.error("celeba needs --source, its CSV file")
        of = data.celeba(output / "celeba", Path(flags.source))
    else:
        rows = 30_000 if flags.quick else flags.rows
        of = data.shoppers(output / f"shoppers-{rows}", rows)
    recipe = RECIPES[flags.set]
    if flags.quick:
        rows_ = run(of, recipe._replace(passes=0.01, epochs=1), range(1), EXTREMES)
    else:
        rows_ = run(of, recipe, range(flags.seeds))
    (output / f"results-{flags.set}.json").write_text(json.dumps(rows_, indent=1) + "\n")
    text = report.table(rows_)
    (output / f"results-{flags.set}.md").write_text(text)
    report.draw(rows_, flags.set, output / f"results-{flags.set}.png")
    print(text)


if __name__ == "__main__":
    main()
