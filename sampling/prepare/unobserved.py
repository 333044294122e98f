"""All unobserved pairs of a set of files, or a sample of them, written as shards of CSV.

    tf-sampling unobserved 'plays/*.csv' --schema=schema.json --label=n_listens \\
        --user_key=user_name --item_key=track_id --output=unplayed --sample=1000000

The other way to get negatives: `InputFnDownsampleWithWeight("plays/*.csv", "unplayed/*.csv", ...)`
reads them from disk. A million songs' 2 million plays by 100,000 users leave 10^11 pairs: look at
the number first, which the tool tells, or ask for a sample.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv

from sampling.errors import SamplingError
from sampling.order import seeds
from sampling.order.pair_ranks import UnobservedPairs
from sampling.samplers.fake_pairs.known_pairs import KnownPairs

_AT_A_TIME = 1_000_000


def sample_ranks(total: int, sample: int, start: int, stop: int, seed: int) -> np.ndarray:
    """Some of `sample` distinct ranks out of 0..total-1: those numbered start..stop-1.

    One is drawn from each of `sample` stretches of equal length, give or take one, and all are
    turned by the same random amount: every rank is equally likely, none comes twice, nothing but
    the ranks asked for is in memory.

    Returns:
        int64 [stop - start]
    """
    turn = int(seeds.generator(seeds.PAIRS, seed, 0).integers(total))
    bounds = [number * total // sample for number in range(start, stop + 1)]
    first = np.array(bounds[:-1], np.int64)
    generator = seeds.generator(seeds.PAIRS, seed, 1 + start)
    ranks = generator.integers(first, np.array(bounds[1:], np.int64))
    return np.sort((ranks + turn) % total)


def write(
    known: KnownPairs,
    columns: tuple[str, str, str],
    output: str,
    *,
    sample: int | None = None,
    default_label: int = 0,
    shards: int = 1,
    seed: int = 0,
) -> int:
    """Writes `output/part-*.csv`, user after user; returns the number of rows.

    Args:
        known: what `known_pairs.read` returns.
        columns: what the users, the items and the label are called.
        sample: how many; None: all.

    Raises:
        SamplingError: there are fewer pairs than asked for, or the folder holds such files already.
    """
    pairs = UnobservedPairs(known.codes, len(known.users), len(known.items))
    rows = pairs.total if sample is None else sample
    _tell(
        f"{len(known.users):,} users, {len(known.items):,} items, {len(known.codes):,} known "
        f"pairs, {pairs.total:,} unobserved ones, of which {rows:,} are written"
    )
    if not 1 <= rows <= pairs.total:
        raise SamplingError(
            f"sample is {rows:,} and there are {pairs.total:,} unobserved pairs, expected no more "
            "and one at least; ask for fewer, or name more candidates"
        )
    _make_empty(output)
    begun = time.perf_counter()
    for path, start, stop in _pieces(rows, shards, output):
        ranks = np.arange(start, stop)
        if sample is not None:
            ranks = sample_ranks(pairs.total, sample, start, stop, seed)
        _append(path, columns, _named(known, *pairs.at(ranks)), default_label)
        _tell(f"{stop:,} of {rows:,} pairs, {stop / (time.perf_counter() - begun):,.0f} a second")
    return rows


def _pieces(rows: int, shards: int, output: str) -> Iterator[tuple[str, int, int]]:
    """(path, first row, row after the last) of what is written at a time."""
    for shard in range(shards):
        path = os.path.join(output, f"part-{shard:05d}-of-{shards:05d}.csv")
        begin, end = rows * shard // shards, rows * (shard + 1) // shards
        for start in range(begin, end, _AT_A_TIME):
            yield path, start, min(start + _AT_A_TIME, end)


def _named(known: KnownPairs, users: np.ndarray, items: np.ndarray) -> list[pa.Array]:
    return [known.users.values.take(pa.array(users)), known.items.values.take(pa.array(items))]


def _append(path: str, columns: Sequence[str], ids: list[pa.Array], label: int) -> None:
    table = pa.table([*ids, pa.repeat(label, len(ids[0]))], names=list(columns))
    is_new = not os.path.exists(path)
    with open(path, "ab") as file:
        pa.csv.write_csv(table, file, pa.csv.WriteOptions(include_header=is_new))


def _make_empty(output: str) -> None:
    os.makedirs(output, exist_ok=True)
    left = [name for name in os.listdir(output) if name.endswith(".csv")]
    if left:
        raise SamplingError(
            f"{output} holds {left[0]} already, expected no CSV files in it; "
            "remove them, or name another folder"
        )


def _tell(text: str) -> None:
    print(f"unobserved: {text}", file=sys.stderr)
