"""All unobserved pairs of a set of files, or a sample of them, written as shards of CSV.

    python -m sampling.prepare.unobserved 'plays/*.csv' --schema=schema.json --label=n_listens \\
        --user_key=user_name --item_key=track_id --output=unplayed --sample=1000000

The other way to get negatives: `InputFnDownsampleWithWeight("plays/*.csv", "unplayed/*.csv", ...)`
reads them from disk. A million songs' 2 million plays by 100,000 users leave 10^11 pairs: look at
the number first, which the tool tells, or ask for a sample.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.formats.csv.parsing import CsvOptions
from sampling.formats.registry import Blocks, open_blocks
from sampling.formats.writing import Layout
from sampling.input_fn import export
from sampling.order import seeds
from sampling.order.pair_ranks import UnobservedPairs
from sampling.samplers.fake_pairs import known_pairs, vocabulary
from sampling.samplers.fake_pairs.known_pairs import Observed
from sampling.samplers.fake_pairs.vocabulary import keyed
from sampling.schema import Field, Schema

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

    layout = Layout()
    with files.folder(output, overwrite) as stage:
        written = [
            export.write_shard(stage, layout.name(shard, shards), tables(*span), columns[2], layout)
            for shard in range(shards)
            if (span := (rows * shard // shards, rows * (shard + 1) // shards))[0] < span[1]
        ]
        manifest.write(stage, export.described(written, _schema(known, columns), layout, about))
    return rows


def _named(known: Observed, users: np.ndarray, items: np.ndarray) -> list[pa.Array]:
    return [known.users.values.take(pa.array(users)), known.items.values.take(pa.array(items))]


def _schema(known: Observed, columns: tuple[str, str, str]) -> Schema:
    kinds = [
        "STRING" if pa.types.is_string(ids.values.type) else "INTEGER"
        for ids in (known.users, known.items)
    ]
    return Schema(tuple(map(Field, columns, [*kinds, "INTEGER"])), columns[2])


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
    parser.add_argument("--overwrite", action="store_true", help="replace what was written before")
    try:
        with files.cleaning_up():
            _run(parser.parse_args(arguments))
    except SamplingError as error:
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
        overwrite=flags.overwrite,
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
