"""TensorFlow's rejection_resample beside ours, halves being asked of the same files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from sampling import InputFnStratified, Schema

SCHEMA = Schema.from_dict({"id": int, "label": int}, label="label")


def rejected(path, rows):
    """Labels of the first rows that TensorFlow gives, without being told the classes' shares."""
    lines = tf.data.TextLineDataset(path).skip(1).map(lambda line: tf.io.decode_csv(line, [0, 0]))
    pairs = lines.map(lambda id_, label: (id_, label))
    halves = pairs.rejection_resample(lambda id_, label: label, [0.5, 0.5], seed=1)
    return np.array([int(label) for label, _ in halves.take(rows)])


@pytest.mark.long  # the benchmark measures it, too
def test_halves_from_the_first_batch_on(tmp_path):
    labels = (np.random.default_rng(0).random(60_000) < 0.01).astype(int)
    path = str(tmp_path / "rows.csv")
    pd.DataFrame({"id": range(60_000), "label": labels}).to_csv(path, index=False)
    theirs = rejected(path, 400)
    input_fn = InputFnStratified(path, SCHEMA, exact_batches=True, batch_size=32)
    ours = np.concatenate([labels for _, labels, _ in input_fn.batches()])
    shares = [(theirs[:rows].mean(), ours[:rows].mean()) for rows in (32, 128, 384)]
    for of_theirs, of_ours in shares:
        assert of_ours == 0.5
        assert of_theirs < 0.49
    assert shares[0][0] < 0.4 and shares[1][0] < 0.45
    assert len(ours) == 2 * labels.sum()
