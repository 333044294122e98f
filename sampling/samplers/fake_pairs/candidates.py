"""Who and what can be drawn: the known pairs of a set of files, and the draws from all others."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from sampling.errors import SamplingError
from sampling.formats.registry import Blocks
from sampling.order.pair_ranks import UnobservedPairs, integer_weights
from sampling.samplers.fake_pairs import known_pairs
from sampling.samplers.fake_pairs.known_pairs import KnownPairs
from sampling.samplers.fake_pairs.options import FakeOptions
from sampling.samplers.fake_pairs.vocabulary import Vocabulary

USER, ITEM = "\0user", "\0item"  # columns of codes, which no file has
ITEM_A, ITEM_B = "\0a.item", "\0b.item"  # of pairs of pairs
LOG_Q = "log_q"


class Candidates:
    """Users and items by code, the pairs known of them, and draws of the others.

    Args:
        positives: the files of observed pairs.
        exclude: those of further known pairs, if any.
        keys: the columns of users and of items.
        vocabularies: of candidates, by key, where they are not those of the positives.
        options: how fakes are drawn; None: not at all.
        label_of_fakes: the label's column, and its value that no observed pair may have.

    Raises:
        SamplingError: files can't be read, an observed pair has the label of a fake, or there is
            nothing to draw, for all or for a user.
    """

    def __init__(
        self,
        positives: Blocks,
        exclude: Blocks | None,
        keys: tuple[str, str],
        vocabularies: Mapping[str, Vocabulary],
        options: FakeOptions | None,
        label_of_fakes: tuple[str, Any] | None = None,
    ):
        self._positives, self._keys, self._options = positives, keys, options
        self.known: KnownPairs = known_pairs.read(
            positives, exclude, keys, vocabularies, label_of_fakes
        )
        if options is not None:
            self._check_drawable(options)

    @functools.cached_property
    def num_rows(self) -> int:
        """Rows of the positives, without those of users left out."""
        return int(np.count_nonzero(self.can_draw.take(self.known.user_codes)))

    @property
    def num_pairs(self) -> int:
        """Of all users with all items, observed or not."""
        return len(self.known.users) * len(self.known.items)

    @functools.cached_property
    def can_draw(self) -> np.ndarray:
        """bool [users]: whose rows are taken."""
        if self._options is None or self._options.fakes == "uniform":
            return np.ones(len(self.known.users), bool)
        return self._unobserved.user_totals > 0

    def checksum(self, options: str) -> int:
        """Of all that draws depend on, but for the seed; options in words."""
        ids = repr((list(self.known.users.ids), list(self.known.items.ids), options))
        return zlib.crc32(self.known.codes.tobytes(), zlib.crc32(ids.encode()))

    def draw(
        self, generator: np.random.Generator, users: np.ndarray, each: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Fakes for some positives, in their order unless they are drawn from all pairs alike.

        Args:
            users: int [positives], their users' codes.
            each: int [positives], how many fakes for each.

        Returns:
            int64 [sum(each)] codes of users and items; float32 log q, if by popularity.
        """
        assert self._options is not None
        if self._options.fakes == "uniform":
            users, items = self._unobserved.draw(generator, int(each.sum()))
            return {USER: users, ITEM: items}
        users = users.repeat(each)
        items = self._unobserved.draw_for(generator, users)
        if self._options.fakes == "per_user":
            return {USER: users, ITEM: items}
        log_q = self._unobserved.log_probability(users, items).astype(np.float32)
        return {USER: users, ITEM: items, LOG_Q: log_q}

    def draw_items(
        self, generator: np.random.Generator, users: np.ndarray, each: int
    ) -> np.ndarray:
        """int64 [users x each] codes of items for the ids of some users; see `fakes_for`."""
        if self._options is None or self._options.fakes == "uniform":
            raise SamplingError(
                "fakes of given users are asked for and those of this input function are not drawn "
                "by user; pass is_train=True and fakes='per_user' or 'popularity'"
            )
        codes = self.known.users.codes_of_ids(users)
        wrong = np.flatnonzero((codes < 0) | ~self.can_draw.take(codes))
        if len(wrong):
            what = "is no candidate" if codes[wrong[0]] < 0 else "has every item"
            raise SamplingError(
                f"the user {users[wrong[0]]!r} {what}, expected one with items left to draw; leave "
                "the user out"
            )
        return self._unobserved.draw_for(generator, codes.repeat(each))

    @functools.cached_property
    def _unobserved(self) -> UnobservedPairs:
        known, weights = self.known, None
        if self._options is not None and self._options.fakes == "popularity":
            weights = integer_weights(known.popularity, self._options.alpha, len(known.users))
        return UnobservedPairs(known.codes, len(known.users), len(known.items), weights)

    def _check_drawable(self, options: FakeOptions) -> None:
        if options.fakes == "uniform" and self._unobserved.total == 0:
            files = ", ".join(file.file.path for file in self._positives.files[:3])
            raise SamplingError(
                f"{files}: each of the {len(self.known.users):,} users has each of the "
                f"{len(self.known.items):,} items, expected a pair that was not observed; name "
                "more candidates by item_vocabulary or user_vocabulary"
            )
        kept = self.can_draw.take(self.known.user_codes)
        if not kept.any() or (options.full_users == "error" and not kept.all()):
            self._refuse_full_user(int(kept.argmin()))

    def _refuse_full_user(self, row: int) -> NoReturn:
        place = self._positives.locate(np.arange(self._positives.num_blocks), row)
        user = self.known.users.values[int(self.known.user_codes[row])].as_py()
        raise SamplingError(
            f"{place}, column {self._keys[0]!r}: the user {user!r} has every item that could be "
            "drawn, expected one at least that is not observed; name more candidates by "
            "item_vocabulary, or pass full_users='leave_out' if others have some"
        )
