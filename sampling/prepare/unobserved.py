"""All unobserved pairs of a set of files, or a sample of them, written as shards of CSV.

    tf-sampling unobserved 'plays/*.csv' --schema=schema.json --label=n_listens \\
        --user_key=user_name --item_key=track_id --output=unplayed --sample=1000000

The other way to get negatives: `InputFnDownsampleWithWeight("plays/*.csv", "unplayed/*.csv", ...)`
reads them from disk. A million songs' 2 million plays by 100,000 users leave 10^11 pairs: look at
the number first, which the tool tells, or ask for a sample.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.formats.csv.options import CsvOptions
from sampling.formats.writing import Layout
from sampling.input_fn.writing import export
from sampling.order import seeds
from sampling.order.pair_ranks import UnobservedPairs
from sampling.samplers.fake_pairs.known_pairs import KnownPairs
from sampling.schema import Field, Schema

_AT_A_TIME = 1_000_000


def sample_ranks(total: int, sample: int, start: int, stop: int, seed: int) -> np.ndarray:
    """Some of `sample` distinct ranks out of 0..total-1: those numbered start..stop-1.

    One is drawn from each of `sample` stretches of equal length, give or take one, and all are
    turned by the same random amount. So every rank is equally likely and none comes twice. Nothing
    but the ranks asked for is in memory.

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
    overwrite: bool = False,
) -> int:
    """Writes `output/part-*.csv`, user after user, and a manifest; returns the number of rows.

    The folder appears whole or not at all.

    Args:
        known: what `known_pairs.read` returns.
        columns: what the users, the items and the label are called.
        sample: how many; None: all.
        overwrite: whether to replace a folder that has a manifest of ours.

    Raises:
        SamplingError: there are fewer pairs than asked for, or see `files.folder`.
    """
    about = {"sample": sample, "seed": seed}
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
    begun = time.perf_counter()

    def tables(begin: int, end: int) -> Iterator[pa.Table]:
        for start in range(begin, end, _AT_A_TIME):
            stop = min(start + _AT_A_TIME, end)
            ranks = np.arange(start, stop)
            if sample is not None:
                ranks = sample_ranks(pairs.total, sample, start, stop, seed)
            ids = _named(known, *pairs.at(ranks))
            yield pa.table([*ids, pa.repeat(default_label, stop - start)], names=list(columns))
            speed = stop / (time.perf_counter() - begun)
            _tell(f"{stop:,} of {rows:,} pairs, {speed:,.0f} a second")

    layout, schema = Layout(), _schema(known, columns)
    with files.folder(output, overwrite) as stage:
        written = [
            export.write_shard(stage, layout.name(shard, shards), tables(*span), schema, layout)
            for shard in range(shards)
            if (span := (rows * shard // shards, rows * (shard + 1) // shards))[0] < span[1]
        ]
        made = export.described(written, schema, layout.format, CsvOptions(), about)
        manifest.write(stage, made)
    return rows


def _named(known: KnownPairs, users: np.ndarray, items: np.ndarray) -> list[pa.Array]:
    return [known.users.values.take(pa.array(users)), known.items.values.take(pa.array(items))]


def _schema(known: KnownPairs, columns: tuple[str, str, str]) -> Schema:
    kinds = [
        "STRING" if pa.types.is_string(ids.values.type) else "INTEGER"
        for ids in (known.users, known.items)
    ]
    return Schema(tuple(map(Field, columns, [*kinds, "INTEGER"])), columns[2])


def _tell(text: str) -> None:
    print(f"unobserved: {text}", file=sys.stderr)
