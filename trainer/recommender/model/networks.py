"""The models of Neural Collaborative Filtering, and two losses to train them by.

GMF, MLP and NeuMF are as in He et al., "Neural Collaborative Filtering", WWW 2017: the score of
user u and item i is

    gmf     w . (p_u * q_i)
    mlp     w . relu(W3 relu(W2 relu(W1 [p'_u, q'_i] + b1) + b2) + b3)
    neumf   both, with vectors of their own, summed

plus a bias. Vectors are of ids and of features, see `vectors.py`. By cross-entropy, as in the
paper, the score is the log-odds that a pair was observed. By the softmax it orders a user's items:
among itself and its fakes the observed one is to have the largest share of exp(score - log q).
Fakes are drawn in proportion to q. So for groups of any size the best scores are log p(i | u),
but for a constant of each user.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from trainer.recommender.catalogue import Catalogue
from trainer.recommender.model import losses, vectors
from trainer.recommender.model.vectors import Codes, Variable

MODELS = ("gmf", "mlp", "neumf")
_START = 0.01


class PairNetwork:
    """The model as a function of codes.

    Args:
        catalogue: popularity and features.
    """

    def __init__(self, flags: argparse.Namespace, catalogue: Catalogue):
        self._flags = flags
        self._features = catalogue.user_features, catalogue.item_features
        self._log_q = log_frequencies(flags, catalogue.popularity)
        # So many unobserved pairs for each observed one; a softmax can't learn it.
        self._bias = -math.log(flags.negatives)

    def scores(self, variable: Variable, users: Codes, items: Codes) -> tf.Tensor:
        """float32 [batch] out of codes [batch] of known users and items.

        Args:
            variable: makes or finds one.
            users, items: codes and how many there are.
        """
        return self._scored(variable, users, items)[0]

    def of_all_items(
        self, variable: Variable, num_users: int, num_items: int
    ) -> Callable[[tf.Tensor], tf.Tensor]:
        """A function: the code [] of a known user -> float32 [items], the scores of all items.

        What depends on the items alone is computed here, and not for each user.
        """
        everything = tf.range(num_items, dtype=tf.int64), num_items

        def scores(user: tf.Tensor) -> tf.Tensor:
            return self.scores(variable, (tf.fill([num_items], user), num_users), everything)

        return scores

    def loss(
        self, variable: Variable, users: Codes, items: Codes, labels: tf.Tensor, weights: tf.Tensor
    ) -> tf.Tensor:
        """[]: the mean over a batch, of pairs or of groups.

        Args:
            users: codes [batch].
            items: codes [batch]; or [batch, group], the observed one first, for the softmax.
            labels, weights: [batch].
        """
        (user_codes, num_users), (item_codes, num_items) = users, items
        is_softmax = self._flags.loss == "softmax"
        group = item_codes.shape[1] if is_softmax else 1
        everyone = tf.repeat(user_codes, group), num_users
        everything = tf.reshape(item_codes, [-1]), num_items
        scores, squares = self._scored(variable, everyone, everything)
        scores -= tf.gather(self._log_q, everything[0])  # frequent fakes are no worse
        if is_softmax:
            found = losses.softmax(tf.reshape(scores, [-1, group]))
            squares = tf.reduce_mean(tf.reshape(squares, [-1, group]), axis=1)
        else:
            found = losses.cross_entropy(scores, labels)
        return losses.mean(found + self._flags.l2 * squares, weights)

    def _scored(
        self, variable: Variable, users: Codes, items: Codes
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Scores and squares of the vectors, float32 [batch]."""
        flags, parts, looked_up = self._flags, [], []

        def pair(name: str, width: int) -> list[tf.Tensor]:
            sides = zip(("user", "item"), (users, items), self._features, strict=True)
            found = [
                vectors.of_codes(variable, f"{name}/{side}", codes, width, _START, features)
                for side, codes, features in sides
            ]
            looked_up.extend(found)
            return found

        if flags.model in ("gmf", "neumf"):
            of_users, of_items = pair("gmf", flags.factors)
            parts.append(of_users * of_items)
        if flags.model in ("mlp", "neumf"):
            hidden = tf.concat(pair("mlp", flags.layers[0] * flags.factors), axis=1)
            for index, width in enumerate(flags.layers):
                name, units = f"mlp/layer_{index}", width * flags.factors
                biases = variable(f"{name}/bias", [units], tf.zeros_initializer())
                hidden = tf.nn.relu(hidden @ _weights(variable, name, hidden, units) + biases)
            parts.append(hidden)
        last = tf.concat(parts, axis=1)
        scores = (last @ _weights(variable, "output", last, 1))[:, 0]
        start = tf.constant_initializer(self._bias)
        is_learned = flags.loss == "cross_entropy"
        scores += variable("output/bias", [1], start) if is_learned else self._bias
        return scores, losses.squares(*looked_up)


def log_frequencies(flags: argparse.Namespace, counts: np.ndarray) -> np.ndarray:
    """float32 [items]: log of how often an item is drawn as a fake, over the mean of all."""
    if flags.fakes != "popularity":
        return np.zeros(len(counts), np.float32)
    powers = (counts + 0.5) ** flags.alpha
    found: np.ndarray = np.log(powers / powers.mean())
    return found.astype(np.float32)


def _weights(variable: Variable, name: str, inputs: tf.Tensor, units: int) -> tf.Tensor:
    uniform = tf.compat.v1.glorot_uniform_initializer()  # seeded by the graph
    return variable(f"{name}/weights", [int(inputs.shape[1]), units], uniform)
