"""Makes a table of customers as an office's tools leave it, with known probabilities.

    python -m examples.customers.make_data --output output/customers --rows 100000 --seed 0

    output/customers/customers.csv    a row for each customer, in no order
    output/customers/truth.csv        customer_id,probability: what each label was drawn from
    output/customers/_manifest.json   counts, seed, and how good the truth itself is

The probability is a function of the written columns alone, blanks among them, and of effects of
each dealer and town that the seed decides.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sampling import files
from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.report import measures
from sampling.report.rows import Predictions

BASE_RATE = 0.03
DEALERS = 4_000
LABEL, KEY = "bought", "customer_id"
TODAY = np.datetime64("2024-06-30")
_TOWNS = (
    "Zürich", "Genève", "Basel", "Lausanne", "Bern", "Besançon", "Orléans", "Nîmes", "Málaga",
    "A Coruña", "São Paulo", "Łódź", "Kraków", "Køge", "Århus", "Göteborg", "Malmö", "München",
    "Köln", "Düsseldorf", "Graz", "Linz", "Plzeň", "Brno", "Győr", "Pécs", "Reykjavík", "Tromsø",
    "Saint-Étienne", "'s-Hertogenbosch", "Leuven, centre", "Frankfurt (Oder)",
)  # fmt: skip
# Codes of tariffs: numbers by their looks, and their order says nothing.
_TARIFFS = {11: 0.9, 12: -0.7, 21: 0.2, 22: -1.0, 30: 1.1, 35: -0.3, 41: 0.6, 57: -0.9, 70: 0.0}
_REMARKS = {
    "": 0.0,
    "asked to be called back, no answer": 0.5,
    'says "not now"': -0.8,
    "moved; new address, see file": -0.3,
    'wants a "better offer", or leaves': 1.0,
}


class Customers(NamedTuple):
    """The rows of customers.csv, and the probability that each label was drawn from."""

    table: pd.DataFrame
    probability: np.ndarray


def make(rows: int, seed: int = 0) -> Customers:
    """So many customers; the same rows and seed make the same ones."""
    rng = np.random.default_rng([seed, 0])
    table = _columns(rng, rows)
    logit = _logit(table, np.random.default_rng([seed, 1]))
    probability = (1 / (1 + np.exp(-logit - _intercept(logit)))).round(8)
    table[LABEL] = np.where(rng.random(rows) < probability, "yes", "no")
    return Customers(table, probability)


def _columns(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """All but the label; what is missing is None, NaN or NaT."""
    dealer = np.minimum(rng.zipf(1.25, n), DEALERS)
    days = rng.gamma(1.6, 500, n).astype(int) % 4_000
    registered = TODAY - days
    age = np.clip(rng.normal(47, 15, n), 18, 95).astype(int)
    income = np.exp(rng.normal(10.4 + 0.006 * np.minimum(age, 60), 0.7, n)).round(-2)
    orders = np.minimum(rng.poisson(rng.gamma(0.8, 1 + days / 400, n)), 300)
    since = (rng.beta(0.7, 1.4, n) * days).astype(int)
    minutes = ((11 * 60 + rng.normal(240, 220, n)) % 1440).astype(int)
    last_order = (TODAY - since).astype("datetime64[m]") + minutes
    table = pd.DataFrame(
        {
            KEY: rng.permutation(n) + 10_000_001,
            "e-mail": _addresses(rng, n),
            "registered": registered,
            "town": rng.choice(_TOWNS, n, p=_popularity(len(_TOWNS))),
            "dealer": [f"H{number:05d}" for number in dealer * 7919 % 99_991],
            "tariff": rng.choice(list(_TARIFFS), n),
            "birth_year": pd.array(2024 - age, "Int64"),
            "income": income,
            "orders": orders,
            "last_order": pd.Series(last_order).dt.strftime("%Y-%m-%d %H:%M").astype(object),
            "balance": rng.standard_t(2.5, n).round(3) * 80,
            "newsletter": rng.choice(["true", "false"], n, p=[0.35, 0.65]).astype(object),
            "is_company": rng.choice(["y", "n"], n, p=[0.12, 0.88]),
            "remark": rng.choice(list(_REMARKS), n, p=[0.86, 0.05, 0.04, 0.03, 0.02]),
        }
    )
    table["balance"] = table["balance"].round(2)
    # Who never ordered has no date; who earns much says so less often.
    table.loc[orders == 0, "last_order"] = None
    is_told = rng.random(n) < 1 / (1 + np.exp(1.1 * (np.log(income) - 11.3)))
    table.loc[~is_told, "income"] = np.nan
    table.loc[rng.random(n) < 0.18, "birth_year"] = pd.NA
    table.loc[rng.random(n) < 0.3, "newsletter"] = None  # never asked
    table.loc[rng.random(n) < 0.02, ["town", "e-mail"]] = None
    return table


def _popularity(count: int) -> np.ndarray:
    shares = 1 / np.arange(2, count + 2)
    return shares / shares.sum()


def _addresses(rng: np.random.Generator, n: int) -> np.ndarray:
    """Nearly unique: some are shared in a household."""
    names = rng.choice(["anna", "ben", "chloé", "dušan", "eva", "jürgen", "maría", "zoë"], n)
    numbers = np.where(rng.random(n) < 0.04, rng.integers(1, 50, n), rng.permutation(n) + 50)
    hosts = rng.choice(["example.com", "example.org", "example.net"], n)
    return np.array([f"{a}{b}@{c}" for a, b, c in zip(names, numbers, hosts, strict=True)], object)


def _logit(table: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Without the intercept, of the columns as they are written.

    A part is a sum over columns. The other part is humps, waves, and what one column says only by
    another: a linear model misses it.
    """
    dealers = rng.normal(0, 0.7, 100_000)[table["dealer"].str[1:].astype(int)]
    towns = dict(zip(_TOWNS, rng.normal(0, 0.3, len(_TOWNS)), strict=True))
    tenure = (TODAY - table["registered"].to_numpy()) / np.timedelta64(365, "D")
    last = pd.to_datetime(table["last_order"])
    recency = ((pd.Timestamp(TODAY) - last).dt.days / 365).fillna(0).to_numpy()
    never = last.isna().to_numpy()
    evening = np.cos(2 * np.pi * (last.dt.hour.fillna(8).to_numpy() - 20) / 24)
    age = (2024 - table["birth_year"].astype(float)).fillna(47).to_numpy() - 47
    income = np.log(table["income"].fillna(35_000).to_numpy() / 35_000)
    orders = np.log1p(table["orders"].to_numpy())
    newsletter = table["newsletter"].map({"true": 0.7, "false": -0.3}).fillna(0.0).to_numpy()
    is_company = (table["is_company"] == "y").to_numpy()
    season = np.sin(2 * np.pi * table["registered"].dt.day_of_year.to_numpy() / 365.25)
    spread = np.where(is_company, 0.9, -0.35) * income
    return np.asarray(
        dealers
        + table["town"].map(towns).fillna(0.4).to_numpy()
        + table["tariff"].map(_TARIFFS).to_numpy()
        + table["remark"].map(_REMARKS).to_numpy()
        + newsletter
        + 0.5 * table["income"].isna().to_numpy()
        - 0.4 * table["birth_year"].isna().to_numpy()
        + spread
        - 0.0022 * age**2
        + 0.55 * orders * np.exp(-recency)
        - 0.8 * never
        + 0.35 * evening * ~never
        + 0.25 * season
        - 0.25 * np.abs(tenure - 2)
        - 0.25 * np.tanh(table["balance"].to_numpy() / 60),
        float,
    )


def _intercept(logit: np.ndarray) -> float:
    """With which the mean probability is BASE_RATE."""
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        if (1 / (1 + np.exp(-logit - middle))).mean() < BASE_RATE:
            low = middle
        else:
            high = middle
    return middle


def make_data(
    output: str | Path, rows: int = 100_000, seed: int = 0, overwrite: bool = False
) -> dict[str, Any]:
    """Writes the folder `output`, whole or not at all; returns what its manifest says.

    Raises:
        SamplingError: a number is out of range, or there is something in the folder.
    """
    if rows < 1_000 or seed < 0:
        raise SamplingError(
            f"got --rows={rows} and --seed={seed}, expected 1,000 rows or more and a seed of 0 or "
            "more; fix it"
        )
    files.check_place(output, overwrite)
    table, probability = make(rows, seed)
    made = Path(str(output))
    with files.folder(made, overwrite) as stage:
        Path(stage, "customers.csv").write_bytes(as_written(table))
        truth = pd.DataFrame({KEY: table[KEY], "probability": probability})
        truth.to_csv(Path(stage, "truth.csv"), index=False, lineterminator="\n")
        about = {"rows": rows, "seed": seed, **_figures(table, probability)}
        Path(stage, manifest.NAME).write_text(json.dumps(about, indent=2) + "\n")
    return about


def as_written(table: pd.DataFrame) -> bytes:
    """As a spreadsheet saves it: byte-order mark, CRLF, quotes where they are needed. What is
    missing is an empty field, or empty quotes in the column of towns."""
    text = table.copy()
    towns = text["town"].fillna("")
    text["town"] = towns.where(towns != "", "<none>")
    found = text.to_csv(index=False, lineterminator="\r\n").replace(",<none>,", ',"",')
    return found.encode("utf-8-sig")


def _figures(table: pd.DataFrame, probability: np.ndarray) -> dict[str, Any]:
    labels = (table[LABEL] == "yes").to_numpy(float)
    truth = Predictions(labels, probability)
    return {
        "positive": int(labels.sum()),
        "truth": {
            "mean": float(probability.mean()),
            "auc": float(measures.areas(truth)["auc"]),
            "log_loss": float(measures.losses(truth)["log_loss"]),
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True, help="folder to make")
    parser.add_argument("--rows", type=int, default=100_000, help="customers (default 100,000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--overwrite", action="store_true", help="replace data made before")
    try:
        print(json.dumps(make_data(**vars(parser.parse_args(arguments))), indent=2))
    except SamplingError as error:
        sys.exit(f"make_data: {error}")


if __name__ == "__main__":
    main()
