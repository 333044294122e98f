"""What a model is to be better than: popularity, and EASE, which is a closed form.

EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019) predicts each item by
a linear model of all others. With the Gram matrix G of the users' items, its weights are

    P = (G + regularization I)^-1,   B = I - P / diag(P)

and the score of an item is the sum of its column of B over the user's items.
"""

from __future__ import annotations

import functools
from typing import Protocol

import numpy as np

from trainer.recommender.catalogue import Catalogue


class Ranker(Protocol):
    """Scores items for users, by code; the unknown user has the code after the last."""

    def all_scores(self, users: np.ndarray) -> np.ndarray:
        """float32 [users, items]"""


class PairRanker(Ranker, Protocol):
    """Scores some items for each user, too; the unknown item has the code after the last."""

    def of_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """float32 [n, group] of users [n] and items [n, group]"""


class Popular:
    """Ranks by how many users of the training have an item."""

    def __init__(self, catalogue: Catalogue):
        self._counts = catalogue.popularity.astype(np.float32)

    def all_scores(self, users: np.ndarray) -> np.ndarray:
        return np.tile(self._counts, (len(users), 1))

    def of_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """float32 [n, group] of users [n] and items [n, group]; the unknown item comes last."""
        return np.append(self._counts, -1)[items]


class Ease:
    """Of the pairs that a training reads; unknown users get what is popular.

    In memory are items x items numbers of 4 bytes, three times while it is fitted.

    Args:
        gram: see `gram_matrix`.
        regularization: larger for fewer events.
    """

    def __init__(self, catalogue: Catalogue, gram: np.ndarray, regularization: float):
        self._catalogue, self._popular = catalogue, Popular(catalogue)
        penalized = gram.copy()
        diagonal = np.arange(len(gram))
        penalized[diagonal, diagonal] += np.float32(regularization)
        inverse = np.linalg.inv(penalized)
        self._weights = inverse / -np.diag(inverse)
        self._weights[diagonal, diagonal] = 0

    def all_scores(self, users: np.ndarray) -> np.ndarray:
        found = self._popular.all_scores(users)
        for place, items in enumerate(map(self._items, users.tolist())):
            if len(items):
                found[place] = self._weights[items].sum(axis=0)
        return found

    def of_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """float32 [n, group] of users [n] and items [n, group]; the unknown item comes last."""
        found = self._popular.of_items(users, items)
        for place, known in enumerate(map(self._items, users.tolist())):
            if len(known):
                asked = np.minimum(items[place], len(self._weights) - 1)
                found[place] = self._weights[known[:, np.newaxis], asked].sum(axis=0)
        return np.where(items < len(self._weights), found, -np.inf).astype(np.float32)

    def _items(self, user: int) -> np.ndarray:
        first, items = self._of_users
        return items[first[user] : first[user + 1]] if user < len(first) - 1 else items[:0]

    @functools.cached_property
    def _of_users(self) -> tuple[np.ndarray, np.ndarray]:
        return items_of_users(self._catalogue)


def items_of_users(catalogue: Catalogue) -> tuple[np.ndarray, np.ndarray]:
    """Where each user's items begin, int64 [users + 1], and the items of all: those trained on."""
    num_items = len(catalogue.items)
    starts = np.arange(len(catalogue.users) + 1) * num_items
    return np.searchsorted(catalogue.trained, starts), catalogue.trained % num_items


def gram_matrix(catalogue: Catalogue) -> np.ndarray:
    """float32 [items, items]: how many users have both."""
    first, items = items_of_users(catalogue)
    gram = np.zeros((len(catalogue.items),) * 2, np.float32)
    for begin, end in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        own = items[begin:end]
        gram[own[:, np.newaxis], own] += 1
    return gram
