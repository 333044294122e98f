"""How fast unobserved pairs are made, on one core, beside other ways to make them.

    python scripts/benchmark_pairs.py --output output/benchmark_pairs.json

Each way runs some seconds after its first batch, several times in turn; the median counts. All run
in this process on one core, TensorFlow with one thread. Figures are by the clock and, in brackets,
by the processor's time, which other processes on the same core do not spoil.

    ids          unobserved pairs as ids, in numpy
    dataset      observed and unobserved pairs half and half, in batches of 1,024, as a Dataset
    paired, popularity, numbers   the same with other fakes, or ids that are numbers
    disk         unobserved pairs written beforehand, sampled by InputFnDownsampleWithWeight
    tf.data      vectorised by hand: random codes, searched in the sorted codes of all observed
                 pairs, masked, rebatched, beside observed pairs that are in memory
    2019         random pairs one by one, `rejection_resample` over a table of joined string keys,
                 `sample_from_datasets`
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if hasattr(os, "sched_setaffinity"):  # before any thread is started
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import tensorflow as tf  # noqa: E402

from sampling import InputFnDownsampleWithWeight, InputFnWithFakePairs, Schema  # noqa: E402
from sampling.__main__ import main as tf_sampling  # noqa: E402
from sampling.order.pair_ranks import UnobservedPairs, pair_codes  # noqa: E402

BATCH = 1024
KEYS = ("user_name", "track_id")


class Plays:
    """Observed pairs in files, with ids that are text, and the same with numbers."""

    def __init__(self, folder: Path, users: int, items: int, pairs: int):
        generator = np.random.default_rng(0)
        popular = np.minimum(generator.zipf(1.2, 2 * pairs) - 1, 10 * items) % items
        codes = pair_codes(generator.integers(users, size=len(popular)), popular, items)
        self.codes = np.sort(generator.choice(codes, min(pairs, len(codes)), replace=False))
        self.users = np.array([f"listener_{user:07d}" for user in range(users)], object)
        self.items = np.array(
            [f"TR{item * 2654435761 % 2**40:016X}" for item in range(items)], object
        )
        order = generator.permutation(self.codes)
        self.user, self.item = order // items, order % items
        self.text, self.numbers = folder / "text", folder / "numbers"
        self._write(self.text, self.users[self.user], self.items[self.item])
        self._write(self.numbers, self.user, self.item)
        self.unplayed = folder / "unplayed"

    def schema(self, type_: Any) -> Schema:
        return Schema.from_dict({**dict.fromkeys(KEYS, type_), "n_listens": int}, "n_listens")

    def input_fn(self, folder: Path, type_: Any, **options: Any) -> InputFnWithFakePairs:
        return InputFnWithFakePairs(
            str(folder), self.schema(type_), *KEYS, batch_size=BATCH, num_epochs=None, **options
        )

    def _write(self, folder: Path, users: np.ndarray, items: np.ndarray) -> None:
        folder.mkdir()
        table = pd.DataFrame({KEYS[0]: users, KEYS[1]: items, "n_listens": 1})
        for shard in range(8):
            table.iloc[shard::8].to_csv(folder / f"part-{shard}.csv", index=False)


def ids(plays: Plays) -> Iterable[Any]:
    pairs = UnobservedPairs(plays.codes, len(plays.users), len(plays.items))
    generator = np.random.default_rng(0)
    while True:
        users, items = pairs.draw(generator, 16 * BATCH)
        yield plays.users.take(users), plays.items.take(items)


def dataset(plays: Plays) -> Iterable[Any]:
    return plays.input_fn(plays.text, str).dataset()


def numbers(plays: Plays) -> Iterable[Any]:
    return plays.input_fn(plays.numbers, int).dataset()


def per_user(plays: Plays) -> Iterable[Any]:
    return plays.input_fn(plays.text, str, fakes="per_user").dataset()


def popularity(plays: Plays) -> Iterable[Any]:
    return plays.input_fn(plays.text, str, fakes="popularity").dataset()


def numpy_batches(plays: Plays) -> Iterable[Any]:
    return plays.input_fn(plays.text, str).batches()


def disk(plays: Plays) -> Iterable[Any]:
    return InputFnDownsampleWithWeight(
        str(plays.text),
        str(plays.unplayed),
        schema=plays.schema(str),
        is_train=True,
        batch_size=BATCH,
        num_epochs=None,
    ).dataset()


def tf_data(plays: Plays) -> tf.data.Dataset:
    users, items = tf.constant(plays.users), tf.constant(plays.items)
    codes, total = tf.constant(plays.codes), len(plays.users) * len(plays.items)

    def drawn(_: Any) -> tf.Tensor:
        drawn = tf.random.uniform([8 * BATCH], 0, total, tf.int64)
        place = tf.searchsorted(codes, drawn)
        same = tf.gather(codes, tf.minimum(place, len(plays.codes) - 1)) == drawn
        return tf.boolean_mask(drawn, ~same)

    def batch(real: tf.Tensor, fake: tf.Tensor) -> Any:
        both = tf.concat([real, fake], axis=0)
        labels = tf.concat([tf.ones_like(real), tf.zeros_like(fake)], axis=0)
        features = tf.gather(users, both // len(items)), tf.gather(items, both % len(items))
        return dict(zip(KEYS, features, strict=True)), labels

    half = BATCH // 2
    fakes = tf.data.Dataset.range(1).repeat().map(drawn).rebatch(half, drop_remainder=True)
    reals = tf.data.Dataset.from_tensor_slices(plays.codes).shuffle(100_000).repeat()
    both = tf.data.Dataset.zip((reals.batch(half, drop_remainder=True), fakes))
    return both.map(batch).prefetch(2)


def way_of_2019(plays: Plays) -> tf.data.Dataset:
    users, items = tf.constant(plays.users), tf.constant(plays.items)
    keys = plays.users[plays.user] + "@" + plays.items[plays.item]
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(keys, tf.ones(len(keys), tf.int32)), 0
    )

    def drawn(_: Any) -> Any:
        user = tf.random.uniform([BATCH], 0, len(plays.users), tf.int64)
        item = tf.random.uniform([BATCH], 0, len(plays.items), tf.int64)
        return tf.gather(users, user), tf.gather(items, item)

    def decoded(line: tf.Tensor) -> Any:
        user, item, label = tf.io.decode_csv(line, ["", "", 0])
        return dict(zip(KEYS, (user, item), strict=True)), label

    share = len(keys) / len(users) / len(items)
    fakes = (
        tf.data.Dataset.range(1)
        .repeat()
        .map(drawn)
        .unbatch()
        .rejection_resample(
            lambda user, item: table.lookup(user + "@" + item), [1.0, 0.0], [1 - share, share]
        )
        .map(lambda _, pair: (dict(zip(KEYS, pair, strict=True)), 0))
    )
    files = tf.data.Dataset.list_files(str(plays.text / "*"))
    lines = files.interleave(lambda path: tf.data.TextLineDataset(path).skip(1), cycle_length=8)
    reals = lines.shuffle(100_000).repeat().map(decoded)
    both = tf.data.Dataset.sample_from_datasets([reals, fakes], [0.5, 0.5], seed=0)
    return both.batch(BATCH).prefetch(2)


WAYS: dict[str, Callable[[Plays], Iterable[Any]]] = {
    "ids": ids,
    "dataset": dataset,
    "dataset, numbers": numbers,
    "dataset, per user": per_user,
    "dataset, popularity": popularity,
    "numpy batches": numpy_batches,
    "disk": disk,
    "tf.data": tf_data,
    "2019": way_of_2019,
}


def pairs_per_second(batches: Iterable[Any], seconds: float) -> tuple[float, float]:
    """By the clock and by processor time, after the first batch, which waits for all made once."""
    iterator = iter(batches)
    next(iterator)
    begun, begun_cpu, pairs = time.perf_counter(), time.process_time(), 0
    for batch in iterator:
        pairs += len(batch[1])
        spent = time.perf_counter() - begun
        if spent > seconds:
            return pairs / spent, pairs / (time.process_time() - begun_cpu)
    raise RuntimeError("the batches ended")


def write_unplayed(plays: Plays, sample: int) -> dict[str, float]:
    """What the way over the disk costs before it begins."""
    schema, begun = plays.text.parent / "schema.json", time.perf_counter()
    schema.write_text(plays.schema(str).to_json())
    flags = [f"--schema={schema}", "--label=n_listens", f"--user_key={KEYS[0]}"]
    flags += [f"--item_key={KEYS[1]}", f"--output={plays.unplayed}", f"--sample={sample}"]
    tf_sampling(["unobserved", str(plays.text), *flags])
    spent = time.perf_counter() - begun
    size = sum(path.stat().st_size for path in plays.unplayed.iterdir())
    return {"pairs": sample, "seconds": spent, "bytes": size}


def measure(plays: Plays, seconds: float, repetitions: int) -> dict[str, list[tuple[float, float]]]:
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for repetition, (name, way) in itertools.product(range(repetitions), WAYS.items()):
        clock, cpu = pairs_per_second(way(plays), seconds)
        figures[name].append((clock, cpu))
        print(f"{repetition + 1}  {name:<20}{clock:>12,.0f} ({cpu:,.0f}) pairs/s", flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True, help="JSON file to write")
    parser.add_argument("--quick", action="store_true", help="small and short, to try it")
    flags = parser.parse_args()
    users, items, pairs, seconds, repetitions = 50_000, 20_000, 2_000_000, 4.0, 3
    if flags.quick:
        users, items, pairs, seconds, repetitions = 500, 300, 5_000, 0.1, 1
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        plays = Plays(Path(folder), users, items, pairs)
        written = write_unplayed(plays, 2 * pairs)
        figures = measure(plays, seconds, repetitions)
    medians = {
        name: [statistics.median(column) for column in zip(*values, strict=True)]
        for name, values in figures.items()
    }
    for name, (clock, cpu) in medians.items():
        times = clock / medians["2019"][0]
        print(f"{name:<20}{clock:>12,.0f} ({cpu:,.0f}) pairs/s  {times:,.0f} x the way of 2019")
    result = {
        "users": users,
        "items": items,
        "pairs": len(plays.codes),
        "pairs_per_second": medians,
        "all": figures,
        "written": written,
    }
    Path(flags.output).parent.mkdir(parents=True, exist_ok=True)
    Path(flags.output).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
