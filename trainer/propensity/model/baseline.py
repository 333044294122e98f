"""A logistic regression on the features of a wide and deep model, to compare that one with."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import tensorflow as tf

from sampling import InputFn
from trainer.propensity.model import encoding
from trainer.propensity.model.columns import Columns
from trainer.propensity.model.encoding import Encoded
from trainer.training.first_rows import first, joined

_ROWS, _VALUES = 50_000, 4_000_000
_STRENGTH = 0.3  # scikit-learn's C: weights are taken for normal ones of this variance
_ITERATIONS = 200


@dataclasses.dataclass(frozen=True)
class Baseline:
    """What a logistic regression learned, as plain JSON.

    Args:
        bias: of all rows.
        numbers: a weight for each column of the matrix of `encoding.Encoded`.
        categories: a weight for each code.
    """

    bias: float
    numbers: tuple[float, ...]
    categories: tuple[float, ...]

    def logits(self, encoded: Encoded) -> tf.Tensor:
        """float32 [batch]"""
        numbers = tf.constant(self.numbers, tf.float32)[:, tf.newaxis]
        logits = tf.linalg.matmul(encoded.matrix, numbers)[:, 0] + np.float32(self.bias)
        if self.categories:
            weights = tf.constant(self.categories, tf.float32)
            logits += tf.reduce_sum(tf.gather(weights, encoded.codes), axis=1)
        return logits


def fit(input_fn: InputFn, columns: Columns) -> Baseline | None:
    """A regression on the first rows that are trained on, with their weights.

    Args:
        input_fn: one epoch of what is trained on.
        columns: what is known of its features.

    Returns:
        None if scikit-learn is not installed, or the rows are of one class.
    """
    try:
        import scipy.sparse
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        return None
    encoded, labels, weights = _rows(input_fn, columns)
    if len(set(labels[weights > 0].tolist())) < 2:
        return None
    codes = encoded.codes.numpy()
    count = sum(each.codes for each in columns.categories)
    ones = np.ones(codes.size, np.float32), codes.ravel()
    begins = np.arange(len(codes) + 1) * codes.shape[1]
    one_hot = scipy.sparse.csr_matrix((*ones, begins), (len(codes), count))
    design = scipy.sparse.hstack([scipy.sparse.csr_matrix(encoded.matrix.numpy()), one_hot])
    model = LogisticRegression(C=_STRENGTH, max_iter=_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is near enough where iterations end
        # as many rows as there are, whatever they weigh, so that the penalty is one of these
        model.fit(design.tocsr(), labels, weights / weights.mean())
    found = model.coef_[0].tolist()
    width = encoding.width(columns)
    return Baseline(float(model.intercept_[0]), tuple(found[:width]), tuple(found[width:]))


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
