"""What an epoch's sample is worth: the variance of its mean against that of random rows.

A figure of 1 says that the n negatives of an epoch tell as much of a feature's mean as n rows drawn
one by one, without replacement; 6 says as much as n / 6 such rows. Each is
`mean((epoch's mean - true mean)^2) / (S^2 / n x (1 - n / N))` over many seeds, with its standard
error; S^2 is the feature's variance over all N negatives. So a bias would show, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks import data
from benchmarks.fresh import progress
from sampling import InputFnDownsampleWithWeight, Schema
from sampling.order import rounds, spread
from sampling.order.block_size import LOCAL, BlockSize

FILES, POSITIVES = 64, 64
GROUP_ROWS = 300
FILL = 0.95  # of the rounds: rows of a class = FILL x rounds x pool_rows
BLOCK_ROWS = (30, 300, 887, 3_000, 10_000)  # beside the engine's own
ROW_BYTES = 48  # of the files that are written

Order = Callable[[int, range, int], np.ndarray]  # blocks, places, seed -> block numbers


class Population(NamedTuple):
    """The negatives: a feature a row [features, N], in the order of the files."""

    values: np.ndarray
    names: list[str]

    @property
    def rows(self) -> int:
        return self.values.shape[1]

    def ratios(self, squares: np.ndarray, sampled: int) -> dict[str, list[float]]:
        """Squared errors [seeds, features] -> by feature: the ratio and its standard error."""
        variance = self.values.var(axis=1, ddof=1) / sampled * (1 - sampled / self.rows)
        ratio = squares.mean(axis=0) / variance
        error = squares.std(axis=0, ddof=1) / np.sqrt(len(squares)) / variance
        return {
            name: [float(r), float(e)] for name, r, e in zip(self.names, ratio, error, strict=True)
        }


def measure(folder: str, pool_rows: int, rounds: list[int], seeds: int) -> dict[str, Any]:
    """Ratios by feature, [ratio, standard error].

    Args:
        rounds: of the classes that are read; the last is the one for everything else.
        seeds: of epochs really read; twenty times as many are computed.

    Returns:
        "read": by rounds, epoch and feature, from the files by the engine itself.
        "spread", "random blocks": by rows per block, then feature, computed.
    """
    block_rows_of_engine = _engines(pool_rows)
    result: dict[str, Any] = {
        "pool_rows": pool_rows,
        "block_rows": str(block_rows_of_engine),
        "seeds": seeds,
        "read": {},
    }
    for number in rounds:
        population = _population(pool_rows, number)
        progress(f"honesty: {seeds} seeds on a class of {number} rounds, {population.rows:,} rows")
        result["read"][number] = _read(Path(folder), population, pool_rows, number, seeds)
    progress("honesty: block sizes")
    for name, order in (("spread", _spread), ("random blocks", _random)):
        result[name] = {
            block_rows: _computed(population, pool_rows, block_rows, 20 * seeds, order)
            for block_rows in sorted({*BLOCK_ROWS, block_rows_of_engine})
        }
    return result


def _engines(pool_rows: int) -> int:
    """How many rows a block has if nobody says."""
    return BlockSize(pool_rows).rows(ROW_BYTES, LOCAL)


def _population(pool_rows: int, rounds: int) -> Population:
    rows = round(FILL * rounds * pool_rows)
    random, row = np.random.default_rng(0), np.arange(rows)
    blocks_of_a_round = rows / _engines(pool_rows) / rounds
    groups = random.standard_normal(rows // GROUP_ROWS + 1)
    noise = random.standard_normal((3, rows))
    features = {
        "sorted": np.sort(noise[0]),
        "10 cycles": np.sin(2 * np.pi * row * 10 / rows),
        "cycles of 10k rows": np.sin(2 * np.pi * row / 10_000),
        "cycles in step": np.sin(2 * np.pi * row * blocks_of_a_round / rows),
        f"groups of {GROUP_ROWS}": (groups[row // GROUP_ROWS] + noise[1]) / np.sqrt(2),
        "shuffled": noise[2],
    }
    return Population(np.stack(list(features.values())).round(4), list(features))


def _read(
    folder: Path, population: Population, pool_rows: int, rounds: int, seeds: int
) -> list[dict[str, list[float]]]:
    """For the first and the second epoch: the ratios by feature, of the engine's own reading."""
    sampled = min(3 * pool_rows // 4, population.rows // 2) // POSITIVES * POSITIVES
    files = data.once(
        folder / f"honesty-{pool_rows}-{rounds}", lambda into: _write(into, population)
    )
    truth = population.values.mean(axis=1)
    errors = np.array(
        [
            [means - truth for means in _epochs(files, population, pool_rows, sampled, seed)]
            for seed in range(seeds)
        ]
    )
    return [population.ratios(errors[:, epoch] ** 2, sampled) for epoch in (0, 1)]


def _epochs(
    files: Path, population: Population, pool_rows: int, sampled: int, seed: int
) -> Iterator[np.ndarray]:
    """The means of the features [features], over the negatives of each of two epochs."""
    input_fn = InputFnDownsampleWithWeight(
        f"{files}/positive.csv",
        f"{files}/part-*.csv",
        schema=Schema.from_dict(
            {**dict.fromkeys(population.names, float), "label": int}, label="label"
        ),
        is_train=True,
        batch_size=POSITIVES + sampled,
        num_epochs=2,
        multiplier=sampled / POSITIVES,
        seed=seed,
        pool_rows=pool_rows,
    )
    for features, labels, _ in input_fn.batches():
        negative = labels == 0
        if np.count_nonzero(negative) != sampled:
            raise RuntimeError(
                f"an epoch has {np.count_nonzero(negative)} negatives, not {sampled}"
            )
        yield np.array([features[name][negative].mean(dtype=float) for name in population.names])


def _write(folder: Path, population: Population) -> None:
    starts = np.arange(FILES + 1) * population.rows // FILES
    for part, (start, stop) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
        _write_csv(folder / f"part-{part:02d}.csv", population, slice(start, stop), label=0)
    _write_csv(folder / "positive.csv", population, slice(0, POSITIVES), label=1)


def _write_csv(path: Path, population: Population, rows: slice, label: int) -> None:
    columns = dict(zip(population.names, population.values[:, rows], strict=True))
    labels = np.full(len(population.values[0, rows]), label)
    data.write_csv(path, pa.table({**columns, "label": labels}))


def _computed(
    population: Population, pool_rows: int, block_rows: int, seeds: int, order: Order
) -> dict[str, list[float]]:
    """The first epoch's ratios, with blocks that are all equal and no reading.

    The rows of a round are permuted, so given its blocks the variance is known: only the blocks
    are drawn.
    """
    sampled = 3 * pool_rows // 4
    num_blocks = population.rows // block_rows
    num_rounds = rounds.count_rounds(num_blocks, population.rows, 0, pool_rows)
    places = rounds.round_places(0, num_rounds, num_blocks)
    whole = population.values[:, : num_blocks * block_rows]
    blocks = whole.reshape(len(whole), num_blocks, block_rows)
    sums, square_sums, truth = blocks.sum(axis=2), (blocks**2).sum(axis=2), whole.mean(axis=1)
    rows = len(places) * block_rows
    squares = []
    for seed in range(seeds):
        ids = order(num_blocks, places, seed)
        mean = sums[:, ids].sum(axis=1) / rows
        variance = (square_sums[:, ids].sum(axis=1) - rows * mean**2) / (rows - 1)
        squares.append((mean - truth) ** 2 + variance / sampled * (1 - sampled / rows))
    return Population(whole, population.names).ratios(np.array(squares), sampled)


def _spread(num_blocks: int, places: range, seed: int) -> np.ndarray:
    return spread.spread_order(num_blocks, places, [seed])


def _random(num_blocks: int, places: range, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(num_blocks, len(places), replace=False)
