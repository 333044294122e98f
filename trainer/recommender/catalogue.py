"""Who and what a recommender knows: users, items, and who has what. Kept in the job_dir.

users.txt, items.txt   ids, one a line: the vocabularies of the model
known_pairs.npz        codes of the pairs trained on, and of those excluded; features of both
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import io
import os

import numpy as np
import pyarrow as pa

from sampling import InputFnWithFakePairs, Schema, files
from sampling.order.pair_ranks import pair_codes
from sampling.samplers.fake_pairs.vocabulary import Vocabulary
from trainer.job_dir import contents
from trainer.recommender.features import Features

USERS, ITEMS, KNOWN = "users.txt", "items.txt", "known_pairs.npz"
_ARRAYS = ("trained", "excluded", "user_features", "item_features")


def _nothing() -> np.ndarray:
    return np.zeros((0, 0), np.float32)


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Users and items by code; an id without one has the code after the last.

    Args:
        users, items: the vocabularies.
        trained: int64: codes `user * len(items) + item` of the pairs trained on, sorted, each once.
        excluded: int64: those of further known pairs, sorted, each once.
        user_features, item_features: float32 [users, width], [items, width].
    """

    users: Vocabulary
    items: Vocabulary
    trained: np.ndarray
    excluded: np.ndarray
    user_features: np.ndarray = dataclasses.field(default_factory=_nothing)
    item_features: np.ndarray = dataclasses.field(default_factory=_nothing)

    @classmethod
    def of_input(cls, input_fn: InputFnWithFakePairs) -> Catalogue:
        """Of the pairs that a training reads, and those that it excludes."""
        known = input_fn.sampler.candidates.known
        trained = pair_codes(known.user_codes, known.item_codes, len(known.items))
        excluded = np.setdiff1d(known.codes, trained, assume_unique=True)
        return cls(known.users, known.items, trained, excluded)

    @classmethod
    def of_job(cls, flags: argparse.Namespace, schema: Schema) -> Catalogue:
        """What `write` wrote.

        Raises:
            SamplingError: a file is lacking or damaged.
        """
        users, items = (
            Vocabulary.from_files(os.path.join(flags.job_dir, name), schema[key], name)
            for name, key in ((USERS, flags.user_key), (ITEMS, flags.item_key))
        )
        path = os.path.join(flags.job_dir, KNOWN)
        with contents.undamaged(path), files.open_binary(path) as file:
            found = np.load(io.BytesIO(file.read()), allow_pickle=False)
            return cls(users, items, *(found[name] for name in _ARRAYS))

    def write(self, job_dir: str) -> None:
        for name, vocabulary in ((USERS, self.users), (ITEMS, self.items)):
            contents.write_lines(job_dir, name, map(str, vocabulary.values.to_pylist()))
        with files.whole(os.path.join(job_dir, KNOWN), overwrite=True) as file:
            np.savez(file, **{name: getattr(self, name) for name in _ARRAYS})

    @functools.cached_property
    def pairs(self) -> np.ndarray:
        """int64: codes of all known pairs, sorted, each once."""
        return np.union1d(self.trained, self.excluded) if len(self.excluded) else self.trained

    @functools.cached_property
    def popularity(self) -> np.ndarray:
        """int64 [items]: how many users of the training files have each item."""
        return np.bincount(self.trained % len(self.items), minlength=len(self.items))

    def user_codes(self, ids: np.ndarray) -> np.ndarray:
        """int64 [n] of ids as batches have them; `len(users)` for one that is not known."""
        return _codes(self.users, ids)

    def item_codes(self, ids: np.ndarray) -> np.ndarray:
        """int64 [n] of ids as batches have them; `len(items)` for one that is not known."""
        return _codes(self.items, ids)

    def first_pairs(self) -> np.ndarray:
        """int64 [users + 2]: where each user's known pairs begin; an unknown user has none."""
        firsts = np.arange(len(self.users) + 1) * len(self.items)
        found = np.searchsorted(self.pairs, firsts)
        return np.append(found, found[-1])

    def known_items(self) -> np.ndarray:
        """int32 [pairs]: the items of all known pairs, user after user."""
        return (self.pairs % len(self.items)).astype(np.int32)

    def with_features(self, users: Features | None, items: Features | None) -> Catalogue:
        """With features, and with the users and items that have features and are not known yet."""
        if users is not None:
            more = _more(self.users, users.ids)
            known = self.users.extended(more)
            matrix = users.matrix(known.ids)
            return dataclasses.replace(self, users=known, user_features=matrix).with_features(
                None, items
            )
        if items is None:
            return self
        known = self.items.extended(_more(self.items, items.ids))
        recoded = {
            name: np.sum(
                np.divmod(getattr(self, name), len(self.items)) * np.array([[len(known)], [1]]), 0
            )
            for name in ("trained", "excluded")
        }
        return dataclasses.replace(
            self, items=known, item_features=items.matrix(known.ids), **recoded
        )

    def with_pairs(self, users: np.ndarray, items: np.ndarray) -> Catalogue:
        """With further known pairs, by code; those of unknown users or items are left out."""
        known = (users < len(self.users)) & (items < len(self.items))
        more = users[known].astype(np.int64) * len(self.items) + items[known]
        return dataclasses.replace(self, excluded=np.union1d(self.excluded, more))


def _codes(vocabulary: Vocabulary, ids: np.ndarray) -> np.ndarray:
    codes = vocabulary.codes_of_ids(ids)
    return np.where(codes < 0, len(vocabulary), codes)


def _more(vocabulary: Vocabulary, ids: np.ndarray) -> np.ndarray:
    """Of some ids those that are not in a vocabulary."""
    return ids[vocabulary.codes_of_ids(ids) < 0]


def with_unknown(vocabulary: Vocabulary) -> np.ndarray:
    """int64 or bytes objects [ids + 1]: the ids by code, and one that is not among them."""
    if pa.types.is_string(vocabulary.values.type):
        return np.append(vocabulary.ids, b"")
    largest = int(vocabulary.ids.max())
    return np.append(
        vocabulary.ids, largest + 1 if largest < 2**63 - 1 else vocabulary.ids.min() - 1
    )
