"""All unobserved pairs of a set of files, or a sample of them, written as shards of CSV.

    python -m sampling.prepare.unobserved 'plays/*.csv' --schema=schema.json --label=n_listens \\
        --user_key=user_name --item_key=track_id --output=unplayed --sample=1000000

The other way to get negatives: `InputFnDownsampleWithWeight("plays/*.csv", "unplayed/*.csv", ...)`
reads them from disk. A million songs' 2 million plays by 100,000 users leave 10^11 pairs: look at
the number first, which the tool tells, or ask for a sample.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from sampling import checks
from sampling.errors import SamplingError
from sampling.formats.csv.parsing import CsvOptions
from sampling.formats.registry import Blocks, open_blocks
from sampling.order import seeds
from sampling.order.pair_ranks import UnobservedPairs
from sampling.samplers.fake_pairs import known_pairs, vocabulary
from sampling.samplers.fake_pairs.known_pairs import Observed
from sampling.samplers.fake_pairs.vocabulary import keyed
from sampling.schema import Schema

_AT_A_TIME = 1_000_000
_BLOCK_ROWS = 65_536


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
    known: Observed,
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


def _named(known: Observed, users: np.ndarray, items: np.ndarray) -> list[pa.Array]:
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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sampling.prepare.unobserved",
        description="Writes (user, item) pairs that were not observed as shards of CSV.",
        allow_abbrev=False,
    )
    parser.add_argument("positive_dir", nargs="+", help="globs of the files of observed pairs")
    parser.add_argument("--schema", required=True, help="JSON, as bq show --schema prints it")
    parser.add_argument("--label", required=True, help="name of the label column")
    parser.add_argument("--user_key", required=True, help="column of the users")
    parser.add_argument("--item_key", required=True, help="column of the items")
    parser.add_argument("--output", required=True, help="folder for the shards")
    parser.add_argument("--sample", type=int, help="how many pairs (default: all)")
    parser.add_argument("--shards", type=int, default=8, help="files (default: 8)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--default_label", type=int, default=0, help="label of all (default: 0)")
    parser.add_argument("--exclude", nargs="+", help="globs of files with further known pairs")
    parser.add_argument("--user_vocabulary", help="file of candidates, one id a line")
    parser.add_argument("--item_vocabulary", help="file of candidates, one id a line")
    parser.add_argument("--no-header", action="store_true", help="the files have no header")
    parser.add_argument("--delimiter", default=",", help="between fields; tab for a tab")
    try:
        _run(parser.parse_args(arguments))
    except ValueError as error:
        parser.exit(1, f"error: {error}\n")


def _run(flags: argparse.Namespace) -> None:
    checks.whole_number("--shards", flags.shards, 1)
    checks.whole_number("--seed", flags.seed, 0)
    rows = write(
        _read(flags),
        (flags.user_key, flags.item_key, flags.label),
        flags.output,
        sample=flags.sample,
        default_label=flags.default_label,
        shards=flags.shards,
        seed=flags.seed,
    )
    print(f"{rows:,} pairs: {flags.output}")


def _read(flags: argparse.Namespace) -> Observed:
    keys = flags.user_key, flags.item_key
    schema = Schema.from_json(flags.schema, flags.label)
    schema = keyed(schema, user_key=flags.user_key, item_key=flags.item_key)
    delimiter = {"tab": "\t", "\\t": "\t"}.get(flags.delimiter, flags.delimiter)
    options = CsvOptions(not flags.no_header, delimiter)

    def opened(globs: Any, role: str) -> Blocks:
        return open_blocks(globs, role, schema, options, _BLOCK_ROWS, 1)

    candidates = vocabulary.of_candidates(
        schema, keys, flags.user_vocabulary, flags.item_vocabulary
    )
    exclude = opened(flags.exclude, "exclude") if flags.exclude else None
    return known_pairs.read(opened(flags.positive_dir, "positive_dir"), exclude, keys, candidates)


if __name__ == "__main__":
    main()
