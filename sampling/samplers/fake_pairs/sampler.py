"""`FakePairs`: observed pairs from files, and for each of them pairs that were not observed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from sampling.errors import SamplingError
from sampling.formats.registry import Blocks
from sampling.order import epoch_rows
from sampling.order.rounds import Slice
from sampling.rows.columns import Round
from sampling.rows.encoding import Encoding
from sampling.samplers.all_rows import AllRows
from sampling.samplers.fake_pairs import pair_rows
from sampling.samplers.fake_pairs.candidates import USER, Candidates
from sampling.samplers.fake_pairs.encoding import PairRows
from sampling.samplers.fake_pairs.lookup import FeatureLookup, Lookup
from sampling.samplers.fake_pairs.options import FakeOptions
from sampling.samplers.fake_pairs.vocabulary import Vocabulary
from sampling.samplers.plan import MadeUp, Plan
from sampling.samplers.sampler import Part, Sizes
from sampling.schema import Schema

POSITIVE, FAKE = "positive_dir", "fakes"


@dataclasses.dataclass(frozen=True)
class Pairs:
    """What pairs of users and items are made of; see `InputFnWithFakePairs`.

    Args:
        schema: of the files.
        keys: the columns of users and of items.
        positives: the files of observed pairs.
        exclude: those of further known pairs, if any.
        vocabularies: of candidates, by key, where they are not those of the positives.
        lookups: features of users and of items, by argument.
    """

    schema: Schema
    keys: tuple[str, str]
    positives: Blocks
    exclude: Blocks | None
    vocabularies: Mapping[str, Vocabulary]
    lookups: Mapping[str, Lookup | None]


class ObservedPairs(AllRows):
    """The pairs of the files, in their order, to evaluate or predict.

    Args:
        pairs: the files, and what is known of users and items.
        options: how fakes are drawn, if they are.
    """

    def __init__(self, pairs: Pairs, options: FakeOptions | None = None):
        super().__init__("is_train is False, which makes no fakes; pass is_train=True")
        self.pairs, self.options = pairs, options
        self._label_of_fakes: tuple[str, Any] | None = None

    @functools.cached_property
    def candidates(self) -> Candidates:
        """Who and what can be drawn. All pairs are read for it, once."""
        pairs = self.pairs
        return Candidates(
            pairs.positives,
            pairs.exclude,
            pairs.keys,
            pairs.vocabularies,
            self.options,
            self._label_of_fakes,
        )

    def encoding(self, blocks: Mapping[str, Blocks]) -> Encoding:
        pairs = self.pairs
        return PairRows(self.candidates, pairs.keys, pairs.lookups, pairs.schema, self.options)

    def describe(self) -> dict[str, Any]:
        known = self.candidates.known
        return {
            "users": len(known.users),
            "items": len(known.items),
            "known_pairs": len(known.codes),
            "unobserved_pairs": self.candidates.num_pairs - len(known.codes),
            **self._without_features(),
        }

    def _without_features(self) -> dict[str, int]:
        """Users and items that lookups from files have no row of."""
        known = self.candidates.known
        sides = {"user_features": ("users", known.users), "item_features": ("items", known.items)}
        return {
            f"{what}_without_features": lookup.not_found(vocabulary.ids)
            for argument, (what, vocabulary) in sides.items()
            if isinstance(lookup := self.pairs.lookups[argument], FeatureLookup)
        }


class FakePairs(ObservedPairs):
    """Each observed pair once, and fakes for it, drawn anew in every epoch.

    Args:
        pairs: the files, and what is known of users and items.
        options: how fakes are drawn.
        default_label: of a fake.
        batch_size: of batches that have the exact ratio; None: they need not.
    """

    def __init__(
        self, pairs: Pairs, options: FakeOptions, default_label: Any, batch_size: int | None = None
    ):
        super().__init__(pairs, options)
        self.not_for_training = ""
        self._options = options
        self._default_label = pair_rows.checked_label(pairs.schema, default_label)
        if not options.paired:  # where labels say which of two is the observed one
            label = pairs.schema.label_field
            assert label is not None  # or there is no default for it
            self._label_of_fakes = label.name, self._default_label
        self._batch_size = batch_size
        self._shares = (options.share, 1 - options.share)
        if batch_size is not None:
            epoch_rows.rows_of_batch(batch_size, self._shares)
        self.labels = {POSITIVE: 1, FAKE: self._default_label}

    def plan(self, sizes: Sizes) -> Plan:
        options, candidates = self._options, self.candidates
        no_prior = ""
        if options.of_a_row or options.fakes != "uniform":
            how = options.of_a_row or repr(options.fakes)
            no_prior = (
                f"fakes are {how}, which shifts the odds of users and items each by another "
                "factor, expected 'uniform'; take the outputs for ranking, or draw uniformly"
            )
        made_up = MadeUp(
            FAKE,
            Fraction(1) if options.grouped else options.per_positive,
            candidates.num_pairs - len(candidates.known.codes),
            candidates.checksum(repr((options, self._default_label))),
            replaces_leading=bool(options.of_a_row),
            no_prior=no_prior,
        )
        shares = None if self._batch_size is None else self._shares
        return Plan.per(POSITIVE, made_up=made_up, shares=shares, batch_size=self._batch_size)

    def make_up(
        self, rows: Sequence[Slice[Round]], before: np.ndarray, generator: np.random.Generator
    ) -> list[Part]:
        users, label = pair_rows.gathered(rows, USER), self.pairs.schema.label_field
        assert label is not None  # or there is no default for it
        each = np.diff(before) * (self._options.group - 1 if self._options.grouped else 1)
        fakes = self.candidates.draw(generator, users, each)
        if self._options.grouped:
            return pair_rows.in_groups(rows, fakes, label.name)
        if self._options.paired:
            return pair_rows.side_by_side(rows, fakes, before, self._options.share, label.name)
        return pair_rows.one_by_one(rows, fakes, label, self._default_label)

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "fakes": self._options.fakes}


def check_keys(user_key: str, item_key: str) -> None:
    """Raises SamplingError if users and items are in one column."""
    if user_key == item_key:
        raise SamplingError(
            f"user_key and item_key are both {user_key!r}, expected two columns; fix one"
        )
