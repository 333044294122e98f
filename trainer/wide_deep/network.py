"""A wide and deep classifier: what numbers and categories say by themselves, and together.

- wide: the matrix of numbers and one weight for each category, which begin at 0;
- deep: the same matrix and an embedding of each category, through hidden layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sampling.estimator import install
from sampling.features import encoding
from sampling.features.columns import Columns
from sampling.features.encoding import Encoded
from trainer.classification import collected
from trainer.wide_deep.baseline import Baseline

# Weights are taken for normal ones with these variances, as in a penalised regression. Tried
# were 0.01, 0.03 and 0.1 for all on files of 150 to 5,000 positives: 0.03 was best or near it, and
# more for the wide ones was better still (220 positives, six splits: log loss 3.5 % below that of
# scikit-learn's logistic regression, not 2.0 %). With 1 for deep weights, 560 positives were
# learned by heart.
_VARIANCES = {"wide/numbers": 0.3, "wide/categories": 0.1}
_VARIANCE = 0.03  # of the others
_EMBEDDED = 0.05  # embeddings begin as small as this
# So do the weights of the last layer. From 0, hidden layers would have no gradient but the
# penalty's at first, whose steps adam makes as large as any: they shrank to nothing, and what was
# left was a linear model.
_LAST = 0.1
_V1 = tf.compat.v1


class Network(NamedTuple):
    """What a wide and deep network is made of.

    Args:
        columns: what is known of its features.
        hidden_units: of each hidden layer, from the first.
        dropout: the share of units left out by a training step.
        rows: of an epoch, for which the penalty on the weights is meant.
        baseline: what evaluations compare it with, if anything.
        logits: 1 of two classes, or one for each of more.
    """

    columns: Columns
    hidden_units: Sequence[int]
    dropout: float
    rows: int
    baseline: Baseline | None = None
    logits: int = 1


def estimator(
    head: Any, network: Network, *, optimizer: Any, config: Any, warm_start_from: Any = None
) -> Any:
    """A tf.estimator.Estimator.

    Args:
        head: of the network's logits.
        optimizer: a legacy one of Keras, which Estimators train with.
        config: the RunConfig.
        warm_start_from: the WarmStartSettings, if any.
    """
    api = install()

    def model_fn(features: Mapping[str, tf.Tensor], labels: Any, mode: str, config: Any) -> Any:
        is_training = mode == api.ModeKeys.TRAIN
        encoded = encoding.encode(features, network.columns)
        logits = _logits(encoded, network, is_training)
        if mode == api.ModeKeys.EVAL and network.baseline is not None:
            baseline = network.baseline.logits(encoded)
            collected.collect({collected.LEARNED_BASELINE: baseline})
        options: dict[str, Any] = {}
        if is_training:
            optimizer.iterations = _V1.train.get_or_create_global_step()
            options = {
                "optimizer": optimizer,
                "trainable_variables": _V1.trainable_variables(),
                "regularization_losses": [_penalty(network.rows)],
            }
        return head.create_estimator_spec(features, mode, logits, labels, **options)

    return api.Estimator(model_fn, config=config, warm_start_from=warm_start_from)


def _logits(encoded: Encoded, network: Network, is_training: bool) -> tf.Tensor:
    """float32 [batch, logits]"""
    zeros, columns = _V1.zeros_initializer(), network.columns
    bias = _V1.get_variable("bias", [network.logits], initializer=zeros)
    logits = bias + _wide(encoded, network, zeros)
    layer = tf.concat([encoded.matrix, *_embedded(encoded.codes, columns)], axis=1)
    for number, units in enumerate(network.hidden_units):
        layer = tf.nn.relu(
            _dense(layer, units, f"hiddenlayer_{number}", _V1.glorot_uniform_initializer())
        )
        if is_training and network.dropout:
            layer = tf.nn.dropout(layer, rate=network.dropout)
    small = _V1.random_uniform_initializer(-_LAST, _LAST)
    return logits + _dense(layer, network.logits, "logits", small, has_bias=False)


def _wide(encoded: Encoded, network: Network, zeros: Any) -> tf.Tensor:
    columns, number = network.columns, network.logits
    with _V1.variable_scope("wide"):
        width = encoding.width(columns)
        numbers = _V1.get_variable("numbers", [width, number], initializer=zeros)
        logits = tf.linalg.matmul(tf.ensure_shape(encoded.matrix, [None, width]), numbers)
        if columns.categories:
            codes = sum(each.codes for each in columns.categories)
            weights = _V1.get_variable("categories", [codes, number], initializer=zeros)
            logits += tf.reduce_sum(tf.nn.embedding_lookup(weights, encoded.codes), axis=1)
    return logits


def _embedded(codes: tf.Tensor, columns: Columns) -> list[tf.Tensor]:
    """Columns of one width are looked up in one table."""
    begins = np.cumsum([0, *(each.codes for each in columns.categories)])
    parts = []
    for width in sorted({each.width for each in columns.categories}):
        places = [p for p, each in enumerate(columns.categories) if each.width == width]
        sizes = [columns.categories[place].codes for place in places]
        # from codes among all columns to codes among these
        shift = np.cumsum([0, *sizes[:-1]]) - begins[places]
        initializer = _V1.random_uniform_initializer(-_EMBEDDED, _EMBEDDED)
        with _V1.variable_scope("deep"):
            table = _V1.get_variable(
                f"embedding_{width}", [sum(sizes), width], initializer=initializer
            )
        found = tf.nn.embedding_lookup(table, tf.gather(codes, places, axis=1) + shift)
        parts.append(tf.reshape(found, [-1, len(places) * width]))
    return parts


def _dense(
    layer: tf.Tensor, units: int, name: str, initializer: Any, has_bias: bool = True
) -> tf.Tensor:
    with _V1.variable_scope(f"deep/{name}"):
        kernel = _V1.get_variable("kernel", [layer.shape[1], units], initializer=initializer)
        outputs = tf.linalg.matmul(layer, kernel)
        if has_bias:
            outputs += _V1.get_variable("bias", [units], initializer=_V1.zeros_initializer())
    return outputs


def _penalty(rows: int) -> tf.Tensor:
    """What a prior on the weights adds to the mean loss of a batch: rows are an epoch's, which add
    up to the likelihood of all files. The fewer positives there are, the more it weighs."""
    weights = [v for v in _V1.trainable_variables() if not v.name.endswith("bias:0")]
    variances = [_VARIANCES.get(each.name.removesuffix(":0"), _VARIANCE) for each in weights]
    penalties = [tf.nn.l2_loss(w) / v for w, v in zip(weights, variances, strict=True)]
    return tf.add_n(penalties) / rows
