"""A logistic regression on the features of a wide and deep model, to compare that one with."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import InputFn
from sampling.features import encoding
from sampling.features.columns import Columns
from sampling.features.encoding import Encoded
from sampling.features.first_rows import first, joined

_ROWS, _VALUES = 50_000, 4_000_000
_WEIGHTS = 500_000  # that a regression may have
_STRENGTH = 0.3  # scikit-learn's C: weights are taken for normal ones of this variance
_ITERATIONS = 200


@dataclasses.dataclass(frozen=True)
class Baseline:
    """What a logistic regression learned, as plain JSON: of two classes one logit, else one each.

    Args:
        bias: of each logit.
        numbers: for each logit a weight for each column of the matrix of `encoding.Encoded`.
        categories: for each logit a weight for each code.
    """

    bias: tuple[float, ...]
    numbers: tuple[tuple[float, ...], ...]
    categories: tuple[tuple[float, ...], ...]

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Baseline:
        """Of what `dataclasses.asdict` made."""
        return cls(
            tuple(said["bias"]),
            *(tuple(map(tuple, said[name])) for name in ("numbers", "categories")),
        )

    def logits(self, encoded: Encoded) -> tf.Tensor:
        """float32 [batch, logits]"""
        numbers = tf.constant(np.transpose(self.numbers), tf.float32)
        logits = tf.linalg.matmul(encoded.matrix, numbers) + tf.constant(self.bias, tf.float32)
        if self.categories[0]:
            weights = tf.constant(np.transpose(self.categories), tf.float32)
            logits += tf.reduce_sum(tf.gather(weights, encoded.codes), axis=1)
        return logits


def fit(input_fn: InputFn, columns: Columns, classes: int = 2) -> Baseline | None:
    """A regression on the first rows that are trained on, with their weights.

    Args:
        input_fn: one epoch of what is trained on; labels are numbers below `classes`.
        columns: what is known of its features.
        classes: how many there are; the rows need not have all of them.

    Returns:
        None if scikit-learn is not installed, the rows are of one class, or there would be very
        many weights.
    """
    try:
        import scipy.sparse
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        return None
    count, width = sum(each.codes for each in columns.categories), encoding.width(columns)
    logits = 1 if classes == 2 else classes
    if (width + count) * logits > _WEIGHTS:
        return None
    encoded, labels, weights = _rows(input_fn, columns)
    seen = np.unique(labels[weights > 0])
    if len(seen) < 2:
        return None
    codes = encoded.codes.numpy()
    ones = np.ones(codes.size, np.float32), codes.ravel()
    begins = np.arange(len(codes) + 1) * codes.shape[1]
    one_hot = scipy.sparse.csr_matrix((*ones, begins), (len(codes), count))
    design = scipy.sparse.hstack([scipy.sparse.csr_matrix(encoded.matrix.numpy()), one_hot])
    model = LogisticRegression(C=_STRENGTH, max_iter=_ITERATIONS)
    rows = np.isin(labels, seen)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is near enough where iterations end
        # as many rows as there are, whatever they weigh, so that the penalty is one of these
        scaled = weights / weights.mean()
        model.fit(design.tocsr()[rows], labels[rows], scaled[rows])
    found, bias = model.coef_, model.intercept_
    if logits > 1:
        found, bias = _of_all(classes, seen, found, bias, len(labels))
    return Baseline(
        tuple(bias.tolist()),
        tuple(map(tuple, found[:, :width].tolist())),
        tuple(map(tuple, found[:, width:].tolist())),
    )


def _of_all(
    classes: int, seen: np.ndarray, weights: np.ndarray, bias: np.ndarray, rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weights [seen, columns] and biases of the classes seen -> of all. The others get half a row
    among them, whatever the features."""
    if len(seen) == 2:  # of which one logit tells
        weights, bias = (np.concatenate([np.zeros_like(each), each]) for each in (weights, bias))
    every = np.zeros((classes, weights.shape[1]))
    biases = np.full(classes, bias.max() - np.log(2 * rows))
    every[seen], biases[seen] = weights, bias
    return every, biases


def _rows(input_fn: InputFn, columns: Columns) -> tuple[Encoded, np.ndarray, np.ndarray]:
    """Features, labels and weights of the first rows of an epoch; fewer of very many features."""
    names = dict.fromkeys(
        each.name for kind in (columns.numbers, columns.dates, columns.categories) for each in kind
    )
    rows = min(_ROWS, _VALUES // (encoding.width(columns) + len(columns.categories)))
    found = first(input_fn.batches(list(names), tf.distribute.InputContext()), rows)
    features, labels, weights = joined(found)
    features = {name: tf.constant(values) for name, values in features.items()}
    return encoding.encode(features, columns), labels, weights
