"""Held-out items ranked among all items that a user does not have.

recall@K    share of a user's held-out items among the first K, mean over users
NDCG@K      sum of 1 / log2(rank + 2) over the held-out items among the first K, over the most
            there could be, mean over users
coverage@K  share of all items that are in the list of K items of some user
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from sampling.progress import Progress
from trainer.recommender.catalogue import Catalogue
from trainer.recommender.measuring.baselines import Ranker

MOST_USERS = 10_000  # of more, so many are drawn
_VALUES = 2**24  # scores at a time
_MOST_AT_A_TIME = 256  # users


class Users(NamedTuple):
    """Users with held-out items.

    Attributes:
        codes: int64 [users].
        ids: of the users, as batches have them.
        first: int64 [users + 1]: where each one's items begin.
        items: int64: codes of the held-out items, user after user.
    """

    codes: np.ndarray
    ids: np.ndarray
    first: np.ndarray
    items: np.ndarray

    @classmethod
    def of_pairs(
        cls, catalogue: Catalogue, users: np.ndarray, items: np.ndarray, seed: int
    ) -> Users:
        """Of held-out pairs, ids [n]; of many users some are drawn."""
        ids, inverse = np.unique(users, return_inverse=True)
        if len(ids) > MOST_USERS:
            chosen = np.sort(np.random.default_rng(seed).permutation(len(ids))[:MOST_USERS])
        else:
            chosen = np.arange(len(ids))
        place = np.full(len(ids), -1)
        place[chosen] = np.arange(len(chosen))
        of_pairs = place[inverse]
        order = np.argsort(of_pairs, kind="stable")
        order = order[of_pairs[order] >= 0]
        first = np.searchsorted(of_pairs[order], np.arange(len(chosen) + 1))
        codes = catalogue.item_codes(items)[order]
        return cls(catalogue.user_codes(ids[chosen]), ids[chosen], first, codes)


class FullRanking(NamedTuple):
    """What a ranker comes to.

    Attributes:
        recall, ndcg: float64 [users].
        found: bool [held-out items]: whether it is among the first.
        lists: int64 [users, top]: the first items, by code; where there are fewer, the first again.
        coverage: see above.
    """

    recall: np.ndarray
    ndcg: np.ndarray
    found: np.ndarray
    lists: np.ndarray
    coverage: float

    def measures(self, top: int) -> Mapping[str, float]:
        return {
            f"full_recall_at_{top}": float(self.recall.mean()),
            f"full_ndcg_at_{top}": float(self.ndcg.mean()),
            f"full_coverage_at_{top}": self.coverage,
        }


def measure(ranker: Ranker, catalogue: Catalogue, users: Users, top: int, name: str) -> FullRanking:
    """Ranks the items that users don't have for each of them, in bounded memory.

    Args:
        name: of the ranker, for the progress.
    """
    num_items = len(catalogue.items)
    top = min(top, num_items)
    first, known = catalogue.first_pairs(), catalogue.known_items()
    step = max(1, min(_MOST_AT_A_TIME, _VALUES // num_items))
    found = np.zeros(len(users.items), bool)
    recall, ndcg = np.empty(len(users.codes)), np.empty(len(users.codes))
    lists = np.empty((len(users.codes), top), np.int64)
    gains = 1 / np.log2(np.arange(top) + 2)
    progress = Progress(name, len(users.codes))
    for start in range(0, len(users.codes), step):
        codes = users.codes[start : start + step]
        scores = np.array(ranker.all_scores(codes))
        for row, code in enumerate(codes.tolist()):
            of_user = slice(*users.first[start + row : start + row + 2])
            held_out = users.items[of_user]
            here = held_out[held_out < num_items]
            kept = scores[row, here]
            scores[row, known[first[code] : first[code + 1]]] = -np.inf
            scores[row, here] = kept
            best = np.argpartition(-scores[row], top - 1)[:top]
            best = best[np.argsort(-scores[row, best], kind="stable")]
            best[np.isneginf(scores[row, best])] = best[0]  # the user has all but a few
            is_hit = np.isin(best, here)
            is_hit[1:] &= best[1:] != best[0]
            found[of_user] = np.isin(held_out, best)
            recall[start + row] = is_hit.sum() / len(held_out)
            ndcg[start + row] = gains[is_hit].sum() / gains[: len(held_out)].sum()
            lists[start + row] = best
        progress.update(start + len(codes), start + len(codes))
    progress.close(len(users.codes))
    return FullRanking(recall, ndcg, found, lists, len(np.unique(lists)) / num_items)


def called(name: str) -> str:
    """For people: full_ndcg_at_20 -> "NDCG@20 of all items" """
    own, _, top = name.removeprefix("full_").partition("_at_")
    shown = {"hr": "HR", "ndcg": "NDCG"}.get(own, own.replace("_", " "))
    return (f"{shown}@{top}" if top else shown) + (
        " of all items" if name.startswith("full_") else ""
    )
