"""Ids as codes, and what is said of those that training never saw."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from trainer.recommender.model.vectors import Codes


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
        """int64 or string of any shape -> int64, `size` for an unknown id."""
        texts = tf.as_string(ids) if self.is_integer else ids
        return (table or self.table()).lookup(texts)


def popularity(flags: argparse.Namespace, counts: np.ndarray) -> np.ndarray:
    """float32 [items + 1]: log-odds of a pair with each item, whoever the user is.

    An unknown item is as one that nobody has.

    Args:
        counts: int64 [items]: how many users have each item.
    """
    known = np.append(counts, 0) + 0.5  # an item that nobody has is not impossible
    share = known / known[:-1].sum() * len(counts)
    # Of one pair among those drawn for each observed one; or of one item among all.
    others = len(counts) if flags.model == "two_tower" else flags.negatives
    found: np.ndarray = np.log(share / others)
    return found.astype(np.float32)


def of_known(
    scores: Callable[[Codes, Codes], tf.Tensor], users: Codes, items: Codes, popular: np.ndarray
) -> tf.Tensor:
    """float32 [batch]: what a model says of known users and items, and popularity of others.

    Args:
        scores: what to call with codes [batch] and how many there are, of users and of items.
        users, items: codes [batch], or one for all, and how many are known; those of others are
            above.
        popular: see `popularity`.
    """
    (user_codes, num_users), (item_codes, num_items) = users, items
    is_known = (user_codes < num_users) & (item_codes < num_items)
    in_range = [(tf.minimum(codes, size - 1), size) for codes, size in (users, items)]
    return tf.where(is_known, scores(*in_range), tf.gather(popular, item_codes))
