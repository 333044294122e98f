"""imbalanced-learn on the same table: what both promise, and what only one does."""

from __future__ import annotations

import numpy as np
from imblearn.tensorflow import balanced_batch_generator

from sampling import InputFnDownsampleWithWeight
from tests.conftest import SCHEMA, frame

ROWS = frame(np.arange(5_000), np.arange(5_000) < 150)
EPOCHS = 4


def theirs(batch_size):
    """ids and labels of some epochs."""
    batches, steps = balanced_batch_generator(
        ROWS[["id"]].to_numpy(), ROWS["label"].to_numpy(), batch_size=batch_size, random_state=0
    )
    taken = [next(batches) for _ in range(EPOCHS * steps)]
    return np.concatenate([ids[:, 0] for ids, _ in taken]), np.concatenate([y for _, y in taken])


def ours(batch_size):
    input_fn = InputFnDownsampleWithWeight(
        ROWS[ROWS.label == 1],
        ROWS[ROWS.label == 0],
        schema=SCHEMA,
        is_train=True,
        batch_size=batch_size,
        num_epochs=EPOCHS,
        weight="auto",
    )
    taken = list(input_fn.batches())
    ids, labels = (
        np.concatenate(columns)
        for columns in zip(*[(f["id"], y) for f, y, _ in taken], strict=True)
    )
    return ids, labels, np.concatenate([weights for *_, weights in taken])


def test_both_balance_the_classes_and_ours_has_fresh_negatives_in_every_epoch():
    ids, labels, _ = ours(batch_size=100)
    their_ids, their_labels = theirs(batch_size=100)
    assert len(ids) == len(their_ids) == EPOCHS * 300
    assert labels.mean() == their_labels.mean() == 0.5
    np.testing.assert_array_equal(np.unique(ids[labels == 1]), np.arange(150))
    np.testing.assert_array_equal(np.unique(their_ids[their_labels == 1]), np.arange(150))
    assert len(np.unique(ids[labels == 0])) == EPOCHS * 150  # none comes twice
    assert len(np.unique(their_ids[their_labels == 0])) == 150  # the same ones again and again


def test_only_our_weights_give_the_ratio_of_the_table_back():
    _, labels, weights = ours(batch_size=64)
    assert np.isclose(weights[labels == 0].sum() / weights.sum(), 4_850 / 5_000)


def test_ours_leaves_no_row_out_where_the_batches_do_not_divide():
    """Theirs announces whole batches alone, so a part of the sample never comes with an epoch."""
    assert len(ours(batch_size=64)[0]) == EPOCHS * 300
    assert len(theirs(batch_size=64)[0]) < EPOCHS * 300
