"""The estimator that the flags ask for: a model of codes, or a linear one of ids."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.estimator import install, legacy_keras
from sampling.schema import WEIGHT_FEATURE
from trainer.recommender.measuring import ranking
from trainer.recommender.model import ids, losses
from trainer.recommender.model.ids import IdVocabulary
from trainer.recommender.model.networks import PairNetwork
from trainer.recommender.model.two_tower import TwoTower
from trainer.recommender.model.vectors import Codes, Variable
from trainer.training.decay import schedule


def build(
    flags: argparse.Namespace,
    users: IdVocabulary,
    items: IdVocabulary,
    model: PairNetwork | TwoTower | None,
    popular: np.ndarray,
    config: Any,
    group: int,
    total_steps: int,
) -> Any:
    """An estimator with our metrics.

    Args:
        model: None: the linear one.
        popular: see `ids.popularity`.
        group: rows of an evaluation that are ranked among each other, the held-out one first.
        total_steps: where the learning rate reaches 0.
    """
    if model is None:
        estimator = _linear(flags, users, items, config)
    else:
        estimator = _of_codes(flags, users, items, model, popular, config, total_steps)

    def metrics(features: Any, labels: Any, predictions: Any) -> dict[str, Any]:
        scores = predictions["predictions" if model is None else "logits"]
        measured = ranking.metrics(scores, features[items.key], group, flags.top)
        if flags.loss == "softmax":  # whose scores are of no label
            return measured
        if flags.loss == "cross_entropy":
            labels, scores = losses.observed(labels), predictions["probabilities"]
        return {**measured, **ranking.errors(scores, labels, flags.loss == "cross_entropy")}

    return install().add_metrics(estimator, metrics)


def _of_codes(
    flags: argparse.Namespace,
    users: IdVocabulary,
    items: IdVocabulary,
    model: PairNetwork | TwoTower,
    popular: np.ndarray,
    config: Any,
    total_steps: int,
) -> Any:
    api = install()

    def scores(users: Codes, items: Codes) -> tf.Tensor:
        return model.scores(_get_variable, users, items)

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        user_codes = users.codes(features[users.key]), users.size
        item_codes = items.codes(features[items.key]), items.size
        if mode == api.ModeKeys.TRAIN:
            weights = features[WEIGHT_FEATURE]
            loss = model.loss(_get_variable, user_codes, item_codes, labels, weights)
            steps = tf.compat.v1.train.get_global_step()
            rate = schedule(flags.learning_rate, flags.decay, total_steps)
            optimizer = tf.compat.v1.train.AdamOptimizer(rate(steps) if callable(rate) else rate)
            tf.compat.v1.losses.add_loss(loss)  # where progress looks for it
            step = optimizer.minimize(loss, steps)
            return api.EstimatorSpec(mode, loss=loss, train_op=step)
        logits = ids.of_known(scores, user_codes, item_codes, popular)
        predictions = {"logits": logits, "probabilities": tf.sigmoid(logits)}
        if mode == api.ModeKeys.PREDICT:
            return api.EstimatorSpec(mode, predictions=predictions)
        loss = losses.mean(losses.cross_entropy(logits, labels), features[WEIGHT_FEATURE])
        return api.EstimatorSpec(mode, predictions=predictions, loss=loss)

    return api.Estimator(model_fn, config=config)


def _get_variable(name: str, shape: list[int], initializer: Any) -> Any:
    with tf.compat.v1.variable_scope("", reuse=tf.compat.v1.AUTO_REUSE):
        return tf.compat.v1.get_variable(name, shape, initializer=initializer, use_resource=True)


def _linear(
    flags: argparse.Namespace, users: IdVocabulary, items: IdVocabulary, config: Any
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
    optimizer = legacy_keras().optimizers.legacy.Ftrl(
        flags.learning_rate, l2_regularization_strength=flags.l2
    )
    return install().LinearRegressor(
        columns, weight_column=WEIGHT_FEATURE, optimizer=optimizer, config=config
    )


def linear_scores(variable: Variable, users: Codes, items: Codes) -> tf.Tensor:
    """What the canned LinearRegressor predicts, out of its variables."""
    (user_codes, num_users), (item_codes, num_items) = users, items
    zeros = tf.zeros_initializer()
    of_user = tf.gather(variable("user", [num_users, 1], zeros), user_codes)
    of_item = tf.gather(variable("item", [num_items, 1], zeros), item_codes)
    return (of_user + of_item + variable("bias", [1], zeros))[:, 0]
