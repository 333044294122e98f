"""A vector for each user and one for each item, out of ids and features; softmax over all items.

    u = e_u + F_u W        v = e_i + F_i W'
    score = u . v + log popularity_i + b_i + F_i w

F are the features of users and items. An item that nobody has yet has e_i = 0 and b_i = 0: its
features alone place it. Training makes the observed item the likeliest of all by

    loss = -score_i + log(exp(score_i) + sum over drawn j other than i of exp(score_j) / (n q_j))

where n items are drawn for a batch with probabilities q. The mean of the sum is exactly that over
all other items. So the gradient tends to that of the full softmax as n grows.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.recommender.catalogue import Catalogue
from trainer.recommender.model import losses, vectors
from trainer.recommender.model.vectors import Codes, Variable

USER, ITEM = "two_tower/user", "two_tower/item"
_START = 0.1  # of users; zeros of both sides would have no gradient


class TwoTower:
    """The model as a function of codes.

    Args:
        catalogue: popularity and features.
    """

    def __init__(self, flags: argparse.Namespace, catalogue: Catalogue):
        self._factors, self._draws, self._l2 = flags.factors, flags.softmax_negatives, flags.l2
        self._features = {USER: catalogue.user_features, ITEM: catalogue.item_features}
        counts = catalogue.popularity
        known = (counts + 0.5) / (counts + 0.5).sum()
        self._log_popularity = np.log(known).astype(np.float32)
        self.log_q = log_probabilities(counts, flags.alpha)

    def scores(self, variable: Variable, users: Codes, items: Codes) -> tf.Tensor:
        """float32 [batch]; see `PairNetwork.scores`."""
        found, biases = self._of_items(variable, items)
        return tf.reduce_sum(self._of_users(variable, users) * found, axis=1) + biases

    def of_all_items(
        self, variable: Variable, num_users: int, num_items: int
    ) -> Callable[[tf.Tensor], tf.Tensor]:
        """See `PairNetwork.of_all_items`."""
        everything = tf.range(num_items, dtype=tf.int64), num_items
        of_items, biases = self._of_items(variable, everything)

        def scores(user: tf.Tensor) -> tf.Tensor:
            of_user = self._of_users(variable, (user[tf.newaxis], num_users))[0]
            return tf.linalg.matvec(of_items, of_user) + biases

        return scores

    def loss(
        self, variable: Variable, users: Codes, items: Codes, labels: Any, weights: tf.Tensor
    ) -> tf.Tensor:
        """[]: the mean over a batch of observed pairs."""
        drawn = tf.random.categorical(self.log_q[np.newaxis], self._draws)[0]
        of_users = self._of_users(variable, users)
        codes, size = items
        of_items, biases = self._of_items(variable, items)
        of_pairs = tf.reduce_sum(of_users * of_items, axis=1) + biases
        others, other_biases = self._of_items(variable, (drawn, size))
        logits = tf.matmul(of_users, others, transpose_b=True) + other_biases
        logits -= tf.gather(self.log_q, drawn) + float(np.log(self._draws))
        is_same = drawn[tf.newaxis] == codes[:, tf.newaxis]
        logits = tf.where(is_same, -np.inf, logits)
        found = losses.softmax(tf.concat([of_pairs[:, tf.newaxis], logits], axis=1))
        return losses.mean(found + self._l2 * losses.squares(of_users, of_items), weights)

    def _of_users(self, variable: Variable, users: Codes) -> tf.Tensor:
        rest = self._factors, _START, self._features[USER]
        return vectors.of_codes(variable, USER, users, *rest)

    def _of_items(self, variable: Variable, items: Codes) -> tuple[tf.Tensor, tf.Tensor]:
        """Vectors [batch, factors] and biases [batch]."""
        codes, size = items
        features = self._features[ITEM]
        biases = variable(f"{ITEM}_bias", [size], tf.zeros_initializer())
        found = tf.gather(biases, codes) + tf.gather(self._log_popularity, codes)
        if width := features.shape[1]:
            weights = variable(f"{ITEM}_features_bias", [width], tf.zeros_initializer())
            found += tf.linalg.matvec(tf.gather(features, codes), weights)
        return vectors.of_codes(variable, ITEM, items, self._factors, 0.0, features), found


def log_probabilities(counts: np.ndarray, alpha: float) -> np.ndarray:
    """float32 [items]: log of counts^alpha, normalized; an item that nobody has is not drawn."""
    with np.errstate(divide="ignore"):
        powers = np.where(counts > 0, alpha * np.log(counts), -np.inf)
    found: np.ndarray = powers - np.logaddexp.reduce(powers)
    return found.astype(np.float32)
