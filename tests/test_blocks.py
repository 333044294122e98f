"""How finely files are cut, and what that makes of the sample of an epoch."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from sampling import InputFn, InputFnDownsampleWithWeight, Schema
from sampling.order.block_size import IN_MEMORY, LOCAL, REMOTE, BlockSize
from tests import written
from tests.conftest import SCHEMA, frame

DAYS, ROWS, SAMPLED, SEEDS = 183, 1_400_000, 100_000, 24
_DAY = np.arange(ROWS) * DAYS // ROWS
_FEATURES = {"day": _DAY, "effect": np.random.default_rng(0).normal(size=DAYS)[_DAY]}
_FEATURES["place"] = np.arange(ROWS) / ROWS
_SCHEMA = Schema.from_dict({"day": int, "effect": float, "place": float, "y": int}, label="y")


def epochs(tables):
    """The negatives of the first epoch, by seed: days, and the mean of each other feature."""
    positives = pa.table({name: values[:100] for name, values in _FEATURES.items()})
    for seed in range(SEEDS):
        input_fn = InputFnDownsampleWithWeight(
            positives,
            tables,
            schema=_SCHEMA,
            is_train=True,
            multiplier=SAMPLED / 100,
            batch_size=2**17,
            seed=seed,
        )
        [(features, labels, _)] = input_fn.batches()
        assert np.count_nonzero(labels == 0) == SAMPLED
        yield {name: features[name][labels == 0] for name in _FEATURES}


def test_every_day_is_in_the_first_epoch_and_means_are_nearly_those_of_random_rows():
    """Of daily shards, which rows of a day share an effect in; and of sorted files."""
    whole = pa.table(_FEATURES)
    edges = np.searchsorted(_DAY, np.arange(DAYS + 1))
    shards = [
        whole.slice(start, stop - start) for start, stop in zip(edges, edges[1:], strict=False)
    ]
    errors = {"effect": [], "place": []}
    for features in epochs(shards):
        assert np.bincount(features["day"], minlength=DAYS).min() > 0
        for name, of_seeds in errors.items():
            of_seeds.append(features[name].mean(dtype=float) - _FEATURES[name].mean())
    ratios = {
        name: np.mean(np.square(of_seeds))
        / (_FEATURES[name].var() / SAMPLED * (1 - SAMPLED / ROWS))
        for name, of_seeds in errors.items()
    }
    assert ratios["effect"] < 12
    assert ratios["place"] < 1


@pytest.mark.parametrize(
    ("pool_rows", "row_bytes", "read_bytes", "rows"),
    [
        (131_072, 100, LOCAL, 114),
        (131_072, 100, IN_MEMORY, 114),
        (131_072, 100, REMOTE, 887),
        (131_072, 10, LOCAL, 205),  # a read of fewer costs more than it brings
        (131_072, 2**16, LOCAL, 10),  # of wide rows few make a round
        (131_072, 2**16, REMOTE, 16),
        (20, 100, LOCAL, 11),
        (1, 100, LOCAL, 2),
    ],
)
def test_a_block_is_as_small_as_a_read_is_cheap(pool_rows, row_bytes, read_bytes, rows):
    assert BlockSize(pool_rows).rows(row_bytes, read_bytes) == rows
    assert BlockSize(pool_rows, 17).rows(row_bytes, read_bytes) == 17


@pytest.mark.parametrize("file_format", ["csv", "parquet", "tfrecord"])
def test_blocks_have_as_many_rows_as_is_said(tmp_path, file_format):
    rows = frame(np.arange(1000), 0)
    path = written.write(rows, tmp_path / f"a.{file_format}", row_group_rows=1)
    for said, number in ((10, 100), (50, 20)):
        input_fn = InputFn(str(path), SCHEMA, shuffle=True, pool_rows=300, block_rows=said)
        [blocks] = input_fn.blocks_of_classes().values()
        assert blocks.num_blocks == number
        ids = np.concatenate([features["id"] for features, *_ in input_fn.batches()])
        np.testing.assert_array_equal(np.sort(ids), np.arange(1000))
