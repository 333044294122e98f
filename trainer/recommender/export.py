"""A trained recommender as a SavedModel that scores pairs and ranks items."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.recommender import networks
from trainer.recommender.networks import IdVocabulary


def export(
    flags: argparse.Namespace,
    users: IdVocabulary,
    items: IdVocabulary,
    item_ids: np.ndarray,
    checkpoint: str,
    directory: str,
) -> None:
    """Writes a SavedModel, which holds the vocabularies too. Its signatures:

    - `serving_default`: user and item, ids [batch], under the names of their columns ->
      "prediction" [batch]: the probability, or the label of a linear model;
    - `rank`: users, ids [batch], and "top", how many -> the items, ids [batch, top], under the name
      of their column, the best first, and "prediction" [batch, top].

    Args:
        item_ids: int64 or bytes objects [items], in the order of the vocabulary.
        checkpoint: of the model's variables.
    """
    module = _Scorer(flags, users, items, item_ids, checkpoint)
    signatures = {"serving_default": module.score, "rank": module.rank}
    tf.saved_model.save(module, directory, signatures)


class _Scorer(tf.Module):
    """The model out of a checkpoint, eagerly."""

    def __init__(
        self,
        flags: argparse.Namespace,
        users: IdVocabulary,
        items: IdVocabulary,
        item_ids: np.ndarray,
        checkpoint: str,
    ):
        super().__init__()
        self._flags, self._users, self._items = flags, users, items
        self._tables = [users.table(), items.table()]  # held, so that they are saved
        self._item_ids = tf.constant(item_ids)
        self._values = _variables(flags, users, items, checkpoint)
        user, item = (
            tf.TensorSpec([None], tf.int64 if each.is_integer else tf.string, each.key)
            for each in (users, items)
        )
        top = tf.TensorSpec([], tf.int32, "top")
        self.score = tf.function(self._score, input_signature=[user, item])
        self.rank = tf.function(self._rank, input_signature=[user, top])

    def _score(self, user: tf.Tensor, item: tf.Tensor) -> dict[str, tf.Tensor]:
        codes = self._users.codes(user, self._tables[0]), self._items.codes(item, self._tables[1])
        return {"prediction": self._predicted(self._scores(*codes))}

    def _rank(self, user: tf.Tensor, top: tf.Tensor) -> dict[str, tf.Tensor]:
        everything = tf.range(self._items.size, dtype=tf.int64)
        top = tf.minimum(top, self._items.size)

        def of_user(code: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            same = tf.fill([self._items.size], code)
            return tuple(tf.math.top_k(self._scores(same, everything), top))

        codes = self._users.codes(user, self._tables[0])
        signature = tf.TensorSpec([None], tf.float32), tf.TensorSpec([None], tf.int32)
        scores, places = tf.map_fn(of_user, codes, fn_output_signature=signature)
        ids = tf.gather(self._item_ids, places)
        return {self._items.key: ids, "prediction": self._predicted(scores)}

    def _scores(self, users: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """float32 [batch] out of codes [batch]: logits, or labels of a linear model."""
        known = (users, self._users.size + 1), (items, self._items.size + 1)
        if self._flags.model == "linear":
            return networks.linear_scores(self._variable, *known)
        flags = self._flags
        return networks.logits(flags.model, self._variable, flags.factors, flags.layers, *known)

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
            if "Adam" not in name and name.split("/")[0] in ("gmf", "mlp", "output")
        }
    return {
        key: tf.Variable(reader.get_tensor(name), trainable=False) for key, name in names.items()
    }
