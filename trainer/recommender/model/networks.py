"""Models of users and items: a linear one, and those of Neural Collaborative Filtering.

GMF, MLP and NeuMF are as in He et al., "Neural Collaborative Filtering", WWW 2017: the logit of
user u and item i is

    gmf     w . (p_u * q_i)
    mlp     w . relu(W3 relu(W2 relu(W1 [p'_u, q'_i] + b1) + b2) + b3)
    neumf   both, with embeddings of their own, summed

plus a bias. All are functions of codes; a vocabulary file turns ids into codes inside the graph,
with one more code for all unknown ids. A pair with one of those gets what popularity says.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sampling.estimator import install, legacy_keras
from sampling.schema import WEIGHT_FEATURE
from trainer.recommender.measuring import ranking
from trainer.recommender.model.two_tower import TwoTower

_RATES = {"linear": 0.2, "gmf": 0.004, "mlp": 0.001, "neumf": 0.001, "two_tower": 0.004}
Variable = Callable[[str, list[int], Any], Any]  # name, shape, initializer -> variable


class IdVocabulary(NamedTuple):
    """A key's ids: the file that holds them, one a line, how many, and whether they are numbers."""

    key: str
    path: str
    size: int
    is_integer: bool

    def table(self) -> Any:
        """Made where it is used: a graph owns its tables."""
        whole_line, line_number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex
        initializer = tf.lookup.TextFileInitializer(
            self.path, tf.string, whole_line, tf.int64, line_number.LINE_NUMBER
        )
        return tf.lookup.StaticVocabularyTable(initializer, num_oov_buckets=1)

    def codes(self, ids: tf.Tensor, table: Any = None) -> tf.Tensor:
        """int64 or string [batch] -> int64 [batch], `size` for an unknown id."""
        texts = tf.as_string(ids) if self.is_integer else ids
        return (table or self.table()).lookup(texts)


class Popularity(NamedTuple):
    """What is known of items without a model; an unknown item is as one that nobody has.

    Attributes:
        logits: float32 [items + 1]: of a pair with the item, whoever the user is: log-odds on the
            scale of the model.
        offsets: float32 [items + 1]: log of how often an item is drawn as a negative, over the mean
            of all: what a logit has too little in training.
    """

    logits: np.ndarray
    offsets: np.ndarray


def popularity(flags: argparse.Namespace, counts: np.ndarray) -> Popularity:
    """Out of int64 [items]: how many users have each item."""
    known = np.append(counts, 0) + 0.5  # an item that nobody has is not impossible
    share = known / known[:-1].sum() * len(counts)
    drawn = share**flags.alpha if flags.fakes == "popularity" else np.ones_like(share)
    drawn /= drawn[:-1].mean()
    # Of one pair among those drawn for each observed one; or of one item among all.
    others = len(counts) if flags.model == "two_tower" else flags.negatives
    logits = np.log(share / others)
    return Popularity(logits.astype(np.float32), np.log(drawn).astype(np.float32))


def build(
    flags: argparse.Namespace,
    users: IdVocabulary,
    items: IdVocabulary,
    known: Popularity,
    towers: TwoTower | None,
    config: Any,
    group: int,
) -> Any:
    """The estimator that the flags ask for, with our metrics.

    Args:
        towers: the model, if it is that one.
        group: rows of an evaluation that are ranked among each other, the held-out one first.
    """
    api = install()
    if flags.model == "linear":
        estimator = _linear(api, flags, users, items, config)
    else:
        estimator = _ncf(api, flags, users, items, known, towers, config)

    def metrics(features: Any, labels: Any, predictions: Any) -> dict[str, Any]:
        scores = predictions["predictions" if flags.model == "linear" else "logits"]
        measured = ranking.metrics(scores, features[items.key], group, flags.top)
        if towers is not None:  # whose scores are of no label
            return measured
        if flags.model != "linear":
            labels, scores = observed(labels), predictions["probabilities"]
        return {**measured, **ranking.errors(scores, labels, flags.model != "linear")}

    return api.add_metrics(estimator, metrics)


def observed(labels: tf.Tensor) -> tf.Tensor:
    """float32 [batch]: 1 for every pair that was observed, however often; a fake's label is 0."""
    return tf.cast(tf.not_equal(labels, 0), tf.float32)


def logits(
    model: str,
    variable: Variable,
    factors: int,
    layers: list[int],
    users: Any,
    items: Any,
    start: float = 0.0,
) -> tf.Tensor:
    """float32 [batch] out of codes [batch] of known users and items.

    Args:
        variable: makes or finds one; users and items are tuples of codes and how many there are.
        start: the output's bias where it is made: the log-odds of what the model is trained on.
    """
    parts = []
    if model in ("gmf", "neumf"):
        parts.append(
            _embedded(variable, "gmf/user", users, factors)
            * _embedded(variable, "gmf/item", items, factors)
        )
    if model in ("mlp", "neumf"):
        width = layers[0] * factors
        embedded = [
            _embedded(variable, "mlp/user", users, width),
            _embedded(variable, "mlp/item", items, width),
        ]
        parts.append(_perceptron(variable, tf.concat(embedded, axis=1), factors, layers))
    last = tf.concat(parts, axis=1)
    return _dense(variable, "output", last, 1, start)[:, 0]


def of_known(
    model: Callable[[Any, Any], tf.Tensor], users: Any, items: Any, known: Popularity
) -> tf.Tensor:
    """float32 [batch]: what a model says of known users and items, and popularity of others.

    Args:
        model: what to call with codes [batch] and how many there are, of users and of items.
        users, items: tuples of codes [batch] and how many are known; those of others are above.
    """
    (user_codes, num_users), (item_codes, num_items) = users, items
    is_known = (user_codes < num_users) & (item_codes < num_items)
    in_range = [(tf.minimum(codes, size - 1), size) for codes, size in (users, items)]
    return tf.where(is_known, model(*in_range), tf.gather(known.logits, item_codes))


def linear_scores(variable: Variable, users: Any, items: Any) -> tf.Tensor:
    """What the canned LinearRegressor predicts, out of its variables."""
    (user_codes, num_users), (item_codes, num_items) = users, items
    zeros = tf.zeros_initializer()
    of_user = tf.gather(variable("user", [num_users, 1], zeros), user_codes)
    of_item = tf.gather(variable("item", [num_items, 1], zeros), item_codes)
    return (of_user + of_item + variable("bias", [1], zeros))[:, 0]


def _embedded(variable: Variable, name: str, codes: Any, width: int) -> tf.Tensor:
    numbers, size = codes
    table = variable(name, [size, width], tf.random_normal_initializer(stddev=0.01))
    return tf.nn.embedding_lookup(table, numbers)


def _perceptron(
    variable: Variable, inputs: tf.Tensor, factors: int, layers: list[int]
) -> tf.Tensor:
    for index, width in enumerate(layers):
        inputs = tf.nn.relu(_dense(variable, f"mlp/layer_{index}", inputs, width * factors))
    return inputs


def _dense(
    variable: Variable, name: str, inputs: tf.Tensor, units: int, bias: float = 0.0
) -> tf.Tensor:
    shape = [int(inputs.shape[1]), units]
    uniform = tf.compat.v1.glorot_uniform_initializer()  # seeded by the graph
    weights = variable(f"{name}/weights", shape, uniform)
    return inputs @ weights + variable(f"{name}/bias", [units], tf.constant_initializer(bias))


def _ncf(
    api: Any,
    flags: argparse.Namespace,
    users: IdVocabulary,
    items: IdVocabulary,
    known: Popularity,
    towers: TwoTower | None,
    config: Any,
) -> Any:
    start = -math.log(flags.negatives)  # so many unobserved pairs for each observed one

    def model(users: Any, items: Any) -> tf.Tensor:
        if towers is not None:
            return towers.scores(_get_variable, users, items)
        return logits(flags.model, _get_variable, flags.factors, flags.layers, users, items, start)

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        codes = [
            (vocabulary.codes(features[vocabulary.key]), vocabulary.size)
            for vocabulary in (users, items)
        ]
        scores = of_known(model, codes[0], codes[1], known)
        if mode == api.ModeKeys.TRAIN and flags.fakes == "popularity" and towers is None:
            scores -= tf.gather(known.offsets, codes[1][0])  # frequent negatives are no worse
        predictions = {"logits": scores, "probabilities": tf.sigmoid(scores)}
        if mode == api.ModeKeys.PREDICT:
            return api.EstimatorSpec(mode, predictions=predictions)
        if mode == api.ModeKeys.TRAIN and towers is not None:
            weights = features[WEIGHT_FEATURE]
            loss = towers.loss(_get_variable, codes[0], codes[1], weights)
        else:
            loss = _cross_entropy(observed(labels), scores, features[WEIGHT_FEATURE])
        if mode == api.ModeKeys.EVAL:
            return api.EstimatorSpec(mode, predictions=predictions, loss=loss)
        optimizer = tf.compat.v1.train.AdamOptimizer(flags.learning_rate or _RATES[flags.model])
        tf.compat.v1.losses.add_loss(loss)  # where progress looks for it
        step = optimizer.minimize(loss, tf.compat.v1.train.get_global_step())
        return api.EstimatorSpec(mode, loss=loss, train_op=step)

    return api.Estimator(model_fn, config=config)


def _cross_entropy(targets: tf.Tensor, scores: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    return tf.compat.v1.losses.sigmoid_cross_entropy(
        targets, scores, weights=weights, loss_collection=None
    )


def _get_variable(name: str, shape: list[int], initializer: Any) -> Any:
    with tf.compat.v1.variable_scope("", reuse=tf.compat.v1.AUTO_REUSE):
        return tf.compat.v1.get_variable(name, shape, initializer=initializer, use_resource=True)


def _linear(
    api: Any, flags: argparse.Namespace, users: IdVocabulary, items: IdVocabulary, config: Any
) -> Any:
    columns = [
        tf.feature_column.categorical_column_with_vocabulary_file(
            vocabulary.key,
            vocabulary.path,
            vocabulary.size,
            num_oov_buckets=1,
            dtype=tf.int64 if vocabulary.is_integer else tf.string,
        )
        for vocabulary in (users, items)
    ]
    optimizer = legacy_keras().optimizers.legacy.Ftrl(flags.learning_rate or _RATES["linear"])
    return api.LinearRegressor(
        columns, weight_column=WEIGHT_FEATURE, optimizer=optimizer, config=config
    )
