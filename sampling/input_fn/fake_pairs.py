"""`InputFnWithFakePairs`: observed pairs from files, unobserved ones made in memory."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.input_fn.input_fn import InputFn
from sampling.input_fn.options import Reading, takes_reading
from sampling.input_fn.stream.reader import ClassFiles
from sampling.order import seeds
from sampling.samplers.fake_pairs import vocabulary
from sampling.samplers.fake_pairs.lookup import Lookup
from sampling.samplers.fake_pairs.options import FakeOptions
from sampling.samplers.fake_pairs.sampler import (
    POSITIVE,
    FakePairs,
    ObservedPairs,
    Pairs,
    check_keys,
)
from sampling.samplers.fake_pairs.vocabulary import keyed
from sampling.schema import Schema


class InputFnWithFakePairs(InputFn):
    """Observed (user, item) pairs and, made up for every epoch anew, pairs that were not observed.

        input_fn = InputFnWithFakePairs(
            "plays/*.csv", schema, "user_name", "track_id", negatives_per_positive=4,
            fakes="per_user", item_features=FeatureLookup("songs.csv", song_schema, "track_id"))
        estimator.train(input_fn)
        model.fit(input_fn.dataset(), epochs=3)

    An epoch has every row of the files once. For its P rows it has F = floor(m x P + 1/2) fakes,
    with m = (1 - balance_ratio) / balance_ratio: exact in total, whatever P. A fake is never a pair
    of the files. The known pairs are held in memory, 24 bytes each; fakes follow from the seed and
    their place alone, so a restored position gives the same ones.

    Features are the two keys and what is looked up by them. Other columns of the files are left
    out: a fake has none, and a made-up value would tell it from a real pair. The label of a real
    pair is its own (1 where the files lack the column), so it may be a count or a rating.

    Args:
        positive_dir: a glob, a path or a folder, or a list of them: the files of observed pairs.
        schema: the columns, a label among them; the files may lack it.
        user_key, item_key: the columns of ids, INTEGER or STRING; none may be empty.
        balance_ratio: the share of observed pairs in an epoch's rows, above 0 and below 1. If
            paired: the share of rows in which a is better.
        negatives_per_positive: m itself, a fraction too; goes before balance_ratio. If paired: rows
            for each observed pair, 1 unless given.
        default_label: of a fake; no observed pair may have it, unless paired.
        is_train: False reads the files once, in order, without fakes, to evaluate or to predict. To
            evaluate on fakes leave it True, with shuffle=False, and name the training files in
            exclude.
        batch_size, num_epochs, shuffle, seed: see `InputFn`. Unshuffled, observed pairs are in file
            order and the fakes evenly among them.
        fakes: how they are drawn, always with replacement. "uniform": every unobserved pair alike.
            "per_user": for the user of each observed pair one of the user's unobserved items, all
            alike (as NCF trains). "popularity": the same in proportion to popularity^alpha, where
            popularity is how many users of the files have the item; the feature "log_q" is then
            log q(item | user) of each fake, and 0 for an observed pair, which is there for sure:
            subtract it from the logits for sampled softmax. Default: "uniform", or "per_user" if
            paired or grouped.
        alpha: see fakes.
        user_vocabulary, item_vocabulary: text files, one id a line, no header: the candidates, so
            that an item nobody has is drawn too. Default: the ids of positive_dir.
        exclude: a glob (or a list) of files with further known pairs, in the same schema, whose
            label is not looked at; they are never drawn.
        user_features, item_features: a `FeatureLookup`, or a function of all candidates' ids (int64
            or bytes objects [n]) that returns features by name, each [n] or [n, width]; called
            once.
        grouped: rows are groups of an observed pair and its fakes, of the same user: features of
            items, and "log_q", are [batch, 1 + negatives_per_positive], the observed one first;
            the label is the observed pair's own. For a softmax over the group.
        paired: rows are (observed pair a, fake b) of the same user, or b and a, with all features
            twice, as "a.track_id" and "b.track_id"; the label is 1 if a is the observed one.
        exact_batches: whether every batch (but the last of an epoch) has the exact ratio.
        full_users: what to do with a user who has nothing left to draw (but for "uniform"):
            "error", or "leave_out" the user's rows.
        header, pool_rows, delimiter, null_values, newlines_in_values, file_format: see `InputFn`.

    Raises:
        SamplingError: an argument is out of range, no file matches, a row can't be read, an id is
            empty or not in the vocabulary, a lookup does not know one, or there is nothing to draw.
    """

    sampler: ObservedPairs

    @takes_reading(without=("transform",))
    def __init__(
        self,
        positive_dir: files.Globs,
        schema: Schema,
        user_key: str,
        item_key: str,
        *,
        balance_ratio: float = 0.5,
        negatives_per_positive: float | None = None,
        default_label: Any = 0,
        is_train: bool = True,
        batch_size: int = 128,
        num_epochs: int | None = 1,
        shuffle: bool = True,
        fakes: str | None = None,
        alpha: float = 0.75,
        user_vocabulary: files.Globs = None,
        item_vocabulary: files.Globs = None,
        exclude: files.Globs = None,
        user_features: Lookup | None = None,
        item_features: Lookup | None = None,
        paired: bool = False,
        grouped: bool = False,
        exact_batches: bool = False,
        full_users: str = "error",
        reading: Reading,
    ):
        options = FakeOptions(
            balance_ratio,
            negatives_per_positive,
            fakes,
            alpha,
            bool(paired),
            full_users,
            bool(grouped),
        )
        if grouped and exact_batches:
            raise SamplingError(
                "grouped and exact_batches are both True, and every group has the exact ratio; "
                "leave exact_batches out"
            )
        check_keys(user_key, item_key)
        checks.whole_number("batch_size", batch_size, 1)
        schema = keyed(schema, user_key=user_key, item_key=item_key)
        keys = user_key, item_key
        given = vocabulary.of_candidates(schema, keys, user_vocabulary, item_vocabulary)
        opened = ClassFiles(schema, dataclasses.replace(reading, transform=None))
        positives = opened.add(POSITIVE, positive_dir, 1 if is_train else None)
        known = None if exclude is None else opened.open("exclude", exclude)
        lookups = {"user_features": user_features, "item_features": item_features}
        pairs = Pairs(schema, keys, positives, known, given, lookups)
        self.is_train, self.options = bool(is_train), options
        if self.is_train:
            exact = batch_size if exact_batches else None
            sampler: ObservedPairs = FakePairs(pairs, options, default_label, exact)
            self._set_up(opened, sampler, shuffle, batch_size, num_epochs)
            return
        if options.of_a_row:
            raise SamplingError(
                f"{options.of_a_row} is True and is_train is False, which makes no fakes to "
                "compare with; "
                "pass is_train=True"
            )
        if num_epochs is not None:
            checks.whole_number("num_epochs", num_epochs, 1)
        self._set_up(opened, ObservedPairs(pairs), False, batch_size, 1)

    @property
    def users(self) -> np.ndarray:
        """int64 or bytes objects [users]: the candidates."""
        return self.sampler.candidates.known.users.ids

    @property
    def items(self) -> np.ndarray:
        """int64 or bytes objects [items]: the candidates."""
        return self.sampler.candidates.known.items.ids

    @property
    def popularity(self) -> np.ndarray:
        """int64 [items]: how many users of the files have each item."""
        return self.sampler.candidates.known.popularity

    def fakes_for(self, users: np.ndarray, each: int, seed: int = 0) -> np.ndarray:
        """Unobserved items for some users, to rank a held-out one among, drawn as in training.

        Args:
            users: ids [n], int64 or bytes objects, of candidates.
            each: how many for each user.
            seed: the same gives the same ones.

        Returns:
            ids [n, each]

        Raises:
            SamplingError: an id is no candidate, or has nothing left to draw, or fakes is
                "uniform".
        """
        each = checks.whole_number("each", each, 1)
        generator = seeds.generator(seeds.PAIRS, seed)
        items = self.sampler.candidates.draw_items(generator, users, each)
        return self.items.take(items).reshape(len(users), each)
