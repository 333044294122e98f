"""A trained recommender out of its checkpoint: scores of pairs, and items in their order."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from trainer.recommender.catalogue import Catalogue, with_unknown
from trainer.recommender.model import checkpoints, estimators
from trainer.recommender.model.ids import IdVocabulary, of_known, popularity
from trainer.recommender.model.vectors import Codes

COUNT, SCORE = "count", "prediction"  # of the outputs; the others are called as columns are


class Scorer(tf.Module):
    """The model, its vocabularies, and who has what.

    Args:
        catalogue: whose known pairs are left out of what is recommended.
        checkpoint: of the model's variables.
    """

    def __init__(self, flags: argparse.Namespace, catalogue: Catalogue, checkpoint: str):
        super().__init__()
        users, items = checkpoints.vocabularies(flags, catalogue)
        self._flags, self._users, self._items = flags, users, items
        self._tables = [users.table(), items.table()]  # held, so that they are saved
        # Variables, since a graph holds 2 GiB of constants at most.
        self._item_ids = tf.Variable(with_unknown(catalogue.items), trainable=False)
        self._first_pairs = tf.Variable(catalogue.first_pairs(), trainable=False)
        self._known_items = tf.Variable(catalogue.known_items(), trainable=False)
        self._model = checkpoints.of_codes(flags, catalogue)
        self._popular = popularity(flags, catalogue.popularity)
        self._values = _variables(flags, users, items, checkpoint)
        user, item = (
            tf.TensorSpec([None], tf.int64 if each.is_integer else tf.string, each.key)
            for each in (users, items)
        )
        top = tf.TensorSpec([], tf.int32, "top")
        exclude_known = tf.TensorSpec([], tf.bool, "exclude_known")
        self.score = tf.function(self._score, input_signature=[user, item])
        self.rank = tf.function(self._rank, input_signature=[user, top, exclude_known])
        self.all_scores = tf.function(
            self._all_scores, input_signature=[tf.TensorSpec([None], tf.int64)]
        )

    def _score(self, user: tf.Tensor, item: tf.Tensor) -> dict[str, tf.Tensor]:
        codes = self._users.codes(user, self._tables[0]), self._items.codes(item, self._tables[1])
        return {SCORE: self._predicted(self._scores(*codes))}

    def _all_scores(self, users: tf.Tensor) -> tf.Tensor:
        """float32 [batch, items] out of codes [batch]."""
        return tf.map_fn(self._of_users(), users, fn_output_signature=tf.float32)

    def _rank(
        self, user: tf.Tensor, top: tf.Tensor, exclude_known: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        codes = self._users.codes(user, self._tables[0])
        first = tf.where(exclude_known, tf.gather(self._first_pairs, codes), 0)
        end = tf.where(exclude_known, tf.gather(self._first_pairs, codes + 1), 0)
        left = self._items.size - tf.cast(end - first, tf.int32)
        counts = tf.maximum(tf.minimum(top, left), 0)
        width = tf.reduce_max(tf.concat([counts, [0]], 0))
        scores_of = self._of_users()

        def of_user(each: Any) -> tuple[tf.Tensor, tf.Tensor]:
            code, start, stop = each
            known = tf.cast(self._known_items[start:stop], tf.int64)[:, tf.newaxis]
            lowest = tf.fill([stop - start], tf.float32.min)
            scores = tf.tensor_scatter_nd_update(scores_of(code), known, lowest)
            return tuple(tf.math.top_k(scores, width))

        signature = tf.TensorSpec([None], tf.float32), tf.TensorSpec([None], tf.int32)
        scores, places = tf.map_fn(of_user, (codes, first, end), fn_output_signature=signature)
        is_there = tf.range(width) < counts[:, tf.newaxis]
        ids = tf.gather(self._item_ids, tf.where(is_there, places, self._items.size))
        predicted = tf.where(is_there, self._predicted(scores), 0.0)
        return {self._items.key: ids, SCORE: predicted, COUNT: counts}

    def _of_users(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """A function: the code [] of a user -> float32 [items]; see `PairNetwork.of_all_items`."""
        num_users, num_items = self._users.size, self._items.size
        everything = tf.range(num_items, dtype=tf.int64)
        if self._model is None:
            return lambda code: self._scores(tf.fill([num_items], code), everything)
        of_known_user = self._model.of_all_items(self._variable, num_users, num_items)

        def scores(users: Codes, items: Codes) -> tf.Tensor:
            return of_known_user(users[0])

        return lambda code: of_known(
            scores, (code, num_users), (everything, num_items), self._popular
        )

    def _scores(self, users: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """float32 [batch] out of codes [batch]: logits, or labels of a linear model."""
        model, sizes = self._model, (self._users.size, self._items.size)
        if model is None:
            known = [(users, sizes[0] + 1), (items, sizes[1] + 1)]
            return estimators.linear_scores(self._variable, *known)

        def scores(users: Codes, items: Codes) -> tf.Tensor:
            return model.scores(self._variable, users, items)

        return of_known(scores, (users, sizes[0]), (items, sizes[1]), self._popular)

    def _predicted(self, scores: tf.Tensor) -> tf.Tensor:
        return scores if self._flags.model == "linear" else tf.sigmoid(scores)

    def _variable(self, name: str, shape: list[int], initializer: Any) -> tf.Variable:
        return self._values[name.replace("/", "_")]


def _variables(
    flags: argparse.Namespace, users: IdVocabulary, items: IdVocabulary, checkpoint: str
) -> dict[str, tf.Variable]:
    """By the name that the model asks for, with _ for /, which a module's attributes can't have."""
    reader = tf.train.load_checkpoint(checkpoint)
    if flags.model == "linear":
        of = "linear/linear_model/{}"
        names = {
            "user": of.format(f"{users.key}/weights"),
            "item": of.format(f"{items.key}/weights"),
            "bias": of.format("bias_weights"),
        }
    else:
        names = {
            name.replace("/", "_"): name
            for name in reader.get_variable_to_shape_map()
            if "Adam" not in name and name.split("/")[0] in ("gmf", "mlp", "output", "two_tower")
        }
    return {
        key: tf.Variable(reader.get_tensor(name), trainable=False) for key, name in names.items()
    }
