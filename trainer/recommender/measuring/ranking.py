"""Held-out items ranked among others: hit rate and NDCG at K, and the data to measure them on.

    HR@K    share of held-out items among the first K
    NDCG@K  mean of 1 / log2(rank + 2) where the rank, from 0, is below K, and 0 elsewhere

An item of the same score as the held-out one counts as half before it. Negatives that are the
held-out item itself (NCF's files have some) do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sampling import files
from sampling.errors import SamplingError
from sampling.estimator import legacy_keras
from sampling.input_fn import datasets
from sampling.schema import FORWARDED_SUFFIX, WEIGHT_FEATURE, Field, Schema

_ROWS_OF_A_BATCH = 8192


class HeldOut(NamedTuple):
    """Held-out pairs, and negatives of their users.

    Attributes:
        users: ids [n].
        items: ids [n] of the held-out items.
        labels: [n] of the held-out pairs.
        negatives: int32 [n, negatives] codes of items.
        ids: [items + 1] of items by code; the last one stands for all unknown items.
    """

    users: np.ndarray
    items: np.ndarray
    labels: np.ndarray
    negatives: np.ndarray
    ids: np.ndarray

    @property
    def group(self) -> int:
        return 1 + self.negatives.shape[1]

    @property
    def steps(self) -> int:
        return -(-len(self.users) // self._groups_of_a_batch)

    def dataset(self, schema: Schema, keys: tuple[str, str]) -> tf.data.Dataset:
        """(features with weight, labels) in whole groups; the negatives' label is 0."""
        label = schema.label or ""
        dtypes = {
            keys[0]: self.users.dtype,
            keys[1]: self.items.dtype,
            label: self.labels.dtype,
            WEIGHT_FEATURE: np.dtype(np.float32),
        }

        def element(batch: Any) -> Any:
            features = {key: batch[key] for key in (*keys, WEIGHT_FEATURE)}
            forwarded = {n + FORWARDED_SUFFIX: batch[n] for n in schema.features_to_forward}
            return {**features, **forwarded}, batch[label]

        return datasets.from_batches(lambda: self._batches(keys, label), dtypes, element)

    @property
    def _groups_of_a_batch(self) -> int:
        return max(1, _ROWS_OF_A_BATCH // self.group)

    def _batches(self, keys: tuple[str, str], label: str) -> Iterator[dict[str, np.ndarray]]:
        for start in range(0, len(self.users), self._groups_of_a_batch):
            of_batch = slice(start, start + self._groups_of_a_batch)
            others = self.ids.take(self.negatives[of_batch])
            items = np.concatenate([self.items[of_batch, np.newaxis], others], axis=1)
            labels = np.zeros(items.shape, self.labels.dtype)
            labels[:, 0] = self.labels[of_batch]
            yield {
                keys[0]: self.users[of_batch].repeat(self.group)[np.newaxis],
                keys[1]: items.reshape(1, -1),
                label: labels.reshape(1, -1),
                WEIGHT_FEATURE: np.ones((1, items.size), np.float32),
            }


def read_negatives(path: str, fields: tuple[Field, Field], users: Any, items: Any) -> np.ndarray:
    """NCF's file of test negatives: `(user,item) TAB negative TAB negative ...`, a line for a pair.

    Args:
        fields: of users and of items.
        users, items: ids [n] of the held-out pairs, in the order of the lines.

    Returns:
        ids [n, negatives]

    Raises:
        SamplingError: a line is of another pair, or has another number of negatives.
    """
    lines = files.read_text(path).splitlines()
    if len(lines) != len(users):
        raise SamplingError(
            f"{path}: found {len(lines):,} lines, expected one for each of the {len(users):,} "
            "held-out pairs; fix the file or test_dir"
        )
    rows = [line.split("\t") for line in lines]
    for number, (row, user, item) in enumerate(zip(rows, users, items, strict=True), 1):
        pair = f"({_text(user)},{_text(item)})"
        if row[0] != pair or len(row) != len(rows[0]):
            raise SamplingError(
                f"{path}, line {number}: found {row[0]!r} and {len(row) - 1} negatives, expected "
                f"{pair!r} and {len(rows[0]) - 1}; fix the file, or the order of test_dir"
            )
    if fields[1].is_integer:
        return np.array([row[1:] for row in rows], np.int64)
    return np.array([[text.encode() for text in row[1:]] for row in rows], object)


def metrics(scores: tf.Tensor, items: tf.Tensor, group: int, top: int) -> dict[str, Any]:
    """What add_metrics takes: {"hr": ..., "ndcg": ...}.

    Args:
        scores: float32 [groups x group], or [groups x group, 1].
        items: ids [groups x group], the held-out one first in its group.
        group: rows of a group.
        top: K.
    """
    scores, items = tf.reshape(scores, [-1, group]), tf.reshape(items, [-1, group])
    others = tf.cast(tf.not_equal(items, items[:, :1]), tf.float32)
    before = tf.cast(scores > scores[:, :1], tf.float32)
    equal = tf.cast(tf.equal(scores, scores[:, :1]), tf.float32)
    ranks = tf.reduce_sum(others * (before + 0.5 * equal), axis=1)
    hits, gains = _at(tf, ranks, top)
    return {"hr": _updated_mean(hits), "ndcg": _updated_mean(gains)}


def errors(predicted: tf.Tensor, labels: tf.Tensor, is_probability: bool) -> dict[str, Any]:
    """RMSE and MAE, and the log loss of a probability, over all rows."""
    predicted = tf.reshape(predicted, [-1])
    labels = tf.cast(tf.reshape(labels, [-1]), tf.float32)
    difference = predicted - labels
    rmse = legacy_keras().metrics.RootMeanSquaredError()
    rmse.update_state(labels, predicted)
    measured = {"rmse": rmse, "mae": _updated_mean(tf.abs(difference))}
    if is_probability:
        clipped = tf.clip_by_value(predicted, 1e-7, 1 - 1e-7)
        losses = -labels * tf.math.log(clipped) - (1 - labels) * tf.math.log1p(-clipped)
        measured["log_loss"] = _updated_mean(losses)
    return measured


def of_scores(scores: np.ndarray, items: np.ndarray, top: int) -> tuple[float, float]:
    """HR and NDCG at K of scores [n, group] for items [n, group], the held-out one first."""
    others = items != items[:, :1]
    before = (scores > scores[:, :1]) + 0.5 * (scores == scores[:, :1])
    hits, gains = _at(np, (others * before).sum(axis=1), top)
    return float(np.mean(hits)), float(np.mean(gains))


def _at(api: Any, ranks: Any, top: int) -> tuple[Any, Any]:
    """Hits and gains of ranks, by numpy's or TensorFlow's functions of the same names."""
    logarithm = api.math.log if api is tf else api.log
    hits = api.where(ranks < top, api.ones_like(ranks), api.zeros_like(ranks))
    return hits, hits * float(np.log(2)) / logarithm(ranks + 2)


def _updated_mean(values: tf.Tensor) -> Any:
    mean = legacy_keras().metrics.Mean()
    mean.update_state(values)
    return mean


def _text(id_: Any) -> str:
    return id_.decode() if isinstance(id_, bytes) else str(id_)
