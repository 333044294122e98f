"""Makes the embedded data of the task: as many customers as asked for, with known probabilities.

    python -m examples.acquire_valued_shoppers.make_data --output data --rows 400000 --seed 0

    data/train/positive/part-*.csv    80 % of the customers: the buyers
    data/train/negative/part-*.csv    and the non-buyers
    data/{dev,test}/part-*.csv        10 % each, both classes together
    data/truth/*/part-*.csv           customer_id,probability: what each label was drawn from
    data/manifest.json                counts, seed, mean probability

The probability is a function of the written columns alone, so a model can learn all of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sampling.errors import SamplingError

COLUMNS = [f["name"] for f in json.loads(Path(__file__).with_name("schema.json").read_text())]
BASE_RATE = 1 / 29
N_BRANDS = 200
CHUNK_ROWS = 200_000
SPLITS = ("train", "dev", "test")
SPLIT_SHARES = (0.8, 0.1, 0.1)


class Brands(NamedTuple):
    """Arrays of one value a brand: its id, share of all rows, seasonality, effect on the logit."""

    id: np.ndarray
    share: np.ndarray
    seasonality: np.ndarray
    effect: np.ndarray


class Chunk(NamedTuple):
    """Consecutive rows: the table in schema order, and for each row its probability and split."""

    table: pd.DataFrame
    probability: np.ndarray
    split: np.ndarray


class Population(NamedTuple):
    """All that rows are drawn from; the same seed gives the same population."""

    seed: int
    brands: Brands
    intercept: float

    def chunk(self, start: int, rows: int) -> Chunk:
        rng = np.random.default_rng([self.seed, 2, start])
        table, logit = _draw(rng, rows, self.brands)
        probability = _sigmoid(logit + self.intercept).round(8)
        table["customer_id"] = np.arange(start, start + rows) + 1
        table["label"] = (rng.random(rows) < probability).astype(int)
        return Chunk(table[COLUMNS], probability, rng.choice(SPLITS, size=rows, p=SPLIT_SHARES))


def make_population(seed: int) -> Population:
    """Finds the intercept with which the mean probability is BASE_RATE."""
    brands = _make_brands(np.random.default_rng([seed, 0]))
    _, logit = _draw(np.random.default_rng([seed, 1]), CHUNK_ROWS, brands)
    low, high = -30.0, 30.0
    for _ in range(50):
        middle = (low + high) / 2
        if _sigmoid(logit + middle).mean() < BASE_RATE:
            low = middle
        else:
            high = middle
    return Population(seed, brands, middle)


def _make_brands(rng: np.random.Generator) -> Brands:
    popularity = 1 / np.arange(3, N_BRANDS + 3)
    ids = rng.choice(np.arange(100, 100_000), size=N_BRANDS, replace=False).astype(str)
    seasonality = rng.beta(1.5, 4, size=N_BRANDS).round(4)
    return Brands(ids, popularity / popularity.sum(), seasonality, rng.normal(0, 0.6, N_BRANDS))


def _draw(rng: np.random.Generator, n: int, brands: Brands) -> tuple[pd.DataFrame, np.ndarray]:
    """n customers -> (features, logit without the intercept)."""
    brand = rng.choice(N_BRANDS, size=n, p=brands.share)
    days = _days(rng, n)
    variety = rng.lognormal(np.log(3), 0.5, n)
    spend = _totals(rng, days, rng.lognormal(np.log(42), 0.5, n))
    chains = _distinct(rng, 1 + rng.binomial(np.minimum(days[12] - 1, 7), 0.2), days)
    products = _distinct(rng, 1 + rng.poisson(days[12] * variety), days)
    repeats = _totals(rng, days, variety)
    columns = {
        "aov": {m: spend[m] / np.maximum(days[m], 1) for m in days},
        "distinct_chains": {m: np.minimum(chains[m], days[m]) for m in days},
        "distinct_days_shopped": days,
        "distinct_products": products,
        "total_sale_quantity": {m: products[m] + repeats[m] for m in days},
    }
    flat = {f"{name}_{months}m": v for name, of in columns.items() for months, v in of.items()}
    table = pd.DataFrame(flat).round(2)
    table["brand"] = brands.id[brand]
    table["promo_sensitive"] = (rng.random(n) < 0.3).astype(int)
    table["brand_seasonality"] = brands.seasonality[brand]
    return table, _logit(table) + brands.effect[brand]


def _days(rng: np.random.Generator, n: int) -> dict[int, np.ndarray]:
    """Days shopped in the last 12, 6 and 3 months, each a thinning of the longer window."""
    year = np.minimum(1 + rng.poisson(rng.lognormal(np.log(22), 0.8, n)), 365)
    half = np.minimum(rng.binomial(year, rng.beta(4, 4, n)), 183)
    quarter = np.minimum(rng.binomial(half, rng.beta(4, 4, n)), 92)
    return {3: quarter, 6: half, 12: year}


def _distinct(
    rng: np.random.Generator, year: np.ndarray, days: dict[int, np.ndarray]
) -> dict[int, np.ndarray]:
    """Distinct things met in 12 months -> in 3, 6 and 12: none without days, else at least one."""
    counts = {12: year}
    for longer, shorter in ((12, 6), (6, 3)):
        share = days[shorter] / np.maximum(days[longer], 1)
        # What is bought often is met in the shorter window too: more than a proportional share.
        kept = rng.binomial(counts[longer], share**0.7)
        counts[shorter] = np.where(days[shorter] > 0, np.maximum(kept, 1), 0)
    return {months: counts[months] for months in days}


def _totals(
    rng: np.random.Generator, days: dict[int, np.ndarray], a_day: np.ndarray
) -> dict[int, np.ndarray]:
    """Sums over the days of each window of a gamma-distributed amount with mean `a_day`."""
    total, days_before = np.zeros(len(a_day)), np.zeros(len(a_day))
    totals = {}
    for months, upto in days.items():
        total = total + rng.gamma(2 * (upto - days_before), a_day / 2)
        totals[months], days_before = total, upto
    return totals


def _logit(table: pd.DataFrame) -> np.ndarray:
    """Mostly linear in the logs, with a hump and two interactions that a linear model misses."""
    recent = np.log1p(table["distinct_days_shopped_3m"].to_numpy())
    year = np.log1p(table["distinct_days_shopped_12m"].to_numpy())
    chains = np.log1p(table["distinct_chains_12m"].to_numpy())
    products = np.log1p(table["distinct_products_6m"].to_numpy())
    quantity = np.log1p(table["total_sale_quantity_12m"].to_numpy())
    order = np.log1p(table["aov_12m"].to_numpy()) - np.log(42)
    promo = table["promo_sensitive"].to_numpy()
    season = table["brand_seasonality"].to_numpy() - 0.25
    linear = 0.9 * recent + 0.4 * products - 0.3 * year - 0.5 * chains + 0.1 * quantity
    return linear - 1.2 * order**2 - 1.3 * promo * np.tanh(2 * order) + 1.5 * season * recent


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def make_data(
    output: str | Path, rows: int, seed: int = 0, shards: int = 4, overwrite: bool = False
) -> dict[str, Any]:
    """Writes the data to the directory `output`; returns what manifest.json says.

    The directory appears whole or not at all. The same rows, seed and shards give the same bytes.
    """
    output = Path(output).resolve()
    _check(output, rows, seed, shards, overwrite)
    output.parent.mkdir(parents=True, exist_ok=True)
    # A sibling, so that the final renames stay within one file system.
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as stage:
        made = Path(stage, "made")
        manifest = _write(made, rows, seed, shards)
        made.joinpath("manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
        if output.exists():
            output.rename(Path(stage, "replaced"))
        made.rename(output)
    return manifest


def _check(output: Path, rows: int, seed: int, shards: int, overwrite: bool) -> None:
    if not 1 <= shards <= rows:
        raise SamplingError(f"Needs 1 <= shards <= rows, got {shards} shards and {rows} rows.")
    if seed < 0:
        raise SamplingError(f"The seed must not be negative, got {seed}.")
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not overwrite:
        raise SamplingError(f"{output} exists; choose another directory or add --overwrite.")
    # Guards whatever else a mistyped path may name.
    if not output.joinpath("manifest.json").is_file():
        raise SamplingError(
            f"{output} is not overwritten: without manifest.json it is not our data."
        )


def _write(made: Path, rows: int, seed: int, shards: int) -> dict[str, Any]:
    population = make_population(seed)
    sums = []
    for shard, start, end in _ranges(rows, shards):
        chunk = population.chunk(start, end - start)
        for folder, table in _tables(chunk):
            _append(table, made / folder / f"part-{shard:05d}-of-{shards:05d}.csv")
        sums.append(_sums(chunk))
        print(f"make_data: {end:,} of {rows:,} rows", file=sys.stderr)
    return {"rows": rows, "seed": seed, "shards": shards, "splits": _by_split(sums)}


def _ranges(rows: int, shards: int) -> Iterator[tuple[int, int, int]]:
    """(shard, first row, row after the last) of each chunk; no chunk crosses a shard's end."""
    for shard in range(shards):
        begin, end = rows * shard // shards, rows * (shard + 1) // shards
        for start in range(begin, end, CHUNK_ROWS):
            yield shard, start, min(start + CHUNK_ROWS, end)


def _tables(chunk: Chunk) -> Iterator[tuple[str, pd.DataFrame]]:
    """The folder and rows of each file that a chunk adds to."""
    truth = chunk.table[["customer_id"]].assign(probability=chunk.probability)
    for split in SPLITS:
        chosen = chunk.split == split
        yield f"truth/{split}", truth[chosen]
        if split != "train":
            yield split, chunk.table[chosen]
    buyer = chunk.table["label"] == 1
    yield "train/positive", chunk.table[(chunk.split == "train") & buyer]
    yield "train/negative", chunk.table[(chunk.split == "train") & ~buyer]


def _append(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, mode="a", header=not path.exists(), index=False, lineterminator="\n")


def _sums(chunk: Chunk) -> pd.DataFrame:
    label = chunk.table["label"]
    columns = {"positive": label, "negative": 1 - label, "mean_probability": chunk.probability}
    return pd.DataFrame({"rows": 1, **columns}).groupby(chunk.split).sum().reindex(SPLITS).fillna(0)


def _by_split(sums: Sequence[pd.DataFrame]) -> dict[str, Any]:
    total = sum(sums[1:], sums[0])
    total["mean_probability"] /= total["rows"].clip(lower=1)
    counts = ["rows", "positive", "negative"]
    return total.astype(dict.fromkeys(counts, int)).to_dict("index")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Makes the embedded Acquire Valued Shoppers data.")
    parser.add_argument("--output", required=True, help="directory to make")
    parser.add_argument("--rows", type=int, default=400_000, help="customers (default 400,000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shards", type=int, default=4, help="files per split and class")
    parser.add_argument("--overwrite", action="store_true", help="replace data made before")
    try:
        print(json.dumps(make_data(**vars(parser.parse_args(arguments))), indent=2))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
