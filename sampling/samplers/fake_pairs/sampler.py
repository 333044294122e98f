"""`InputFnWithFakePairs`: observed pairs from files, unobserved ones made in memory."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.input_fn.description import Description
from sampling.input_fn.engine import CHUNK_ROWS, Part, Streams
from sampling.input_fn.input_fn import InputFn
from sampling.input_fn.position import Position
from sampling.order import apportionment, seeds
from sampling.order.shares import Shard
from sampling.probabilities.calibration import Prior
from sampling.rows import columns
from sampling.rows.columns import Columns, Round
from sampling.samplers.fake_pairs import known_pairs, pair_features, pair_rows, vocabulary
from sampling.samplers.fake_pairs.candidates import ITEM, LOG_Q, USER, Candidates
from sampling.samplers.fake_pairs.lookup import Lookup
from sampling.samplers.fake_pairs.options import FakeOptions
from sampling.samplers.fake_pairs.pair_features import Joined
from sampling.samplers.fake_pairs.vocabulary import keyed
from sampling.schema import Schema

POSITIVE = "positive_dir"
_CHUNK_VALUES = 2**24  # of all vectors in a chunk: 64 MiB


class InputFnWithFakePairs(InputFn):
    """Observed (user, item) pairs and, made up for every epoch anew, pairs that were not observed.

        input_fn = InputFnWithFakePairs(
            "plays/*.csv", schema, "user_name", "track_id", negatives_per_positive=4,
            fakes="per_user", item_features=FeatureLookup("songs.csv", song_schema, "track_id"))
        estimator.train(input_fn)
        model.fit(input_fn.dataset(), epochs=3)

    An epoch has every row of the files once and, for its P rows, F = floor(m x P + 1/2) fakes, with
    m = (1 - balance_ratio) / balance_ratio: exact in total, whatever P. A fake is never a pair of
    the files. The known pairs are held in memory, 24 bytes each; fakes follow from the seed and
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
        default_label: of a fake.
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
            paired.
        alpha: see fakes.
        user_vocabulary, item_vocabulary: text files, one id a line, no header: the candidates, so
            that an item nobody has is drawn too. Default: the ids of positive_dir.
        exclude: a glob (or a list) of files with further known pairs, in the same schema, whose
            label is not looked at; they are never drawn.
        user_features, item_features: a `FeatureLookup`, or a function of all candidates' ids (int64
            or bytes objects [n]) that returns features by name, each [n] or [n, width]; called
            once.
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

    _takes_codes = False  # of strings: ids have codes of its own

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
        seed: int = 0,
        fakes: str | None = None,
        alpha: float = 0.75,
        user_vocabulary: files.Globs = None,
        item_vocabulary: files.Globs = None,
        exclude: files.Globs = None,
        user_features: Lookup | None = None,
        item_features: Lookup | None = None,
        paired: bool = False,
        exact_batches: bool = False,
        full_users: str = "error",
        header: bool = True,
        pool_rows: int = 131_072,
        delimiter: str = ",",
        null_values: Sequence[str] = ("",),
        newlines_in_values: bool = False,
        file_format: str | None = None,
    ):
        self.is_train = bool(is_train)
        self.options = FakeOptions(
            balance_ratio, negatives_per_positive, fakes, alpha, bool(paired), full_users
        )
        if user_key == item_key:
            raise SamplingError(
                f"user_key and item_key are both {user_key!r}, expected two columns; fix one"
            )
        self._keys = user_key, item_key
        schema = keyed(schema, user_key=user_key, item_key=item_key)
        self._class_labels = {POSITIVE: 1} if self.is_train else {}
        self._default_label = self._checked_label(schema, default_label)
        self._vocabularies = vocabulary.of_candidates(
            schema, self._keys, user_vocabulary, item_vocabulary
        )
        self._exclude = exclude
        self._lookups = {"user_features": user_features, "item_features": item_features}
        self.exact_batches = bool(exact_batches)
        super().__init__(
            {POSITIVE: positive_dir},
            schema,
            shuffle=shuffle and is_train,
            batch_size=batch_size,
            num_epochs=num_epochs if is_train else 1,
            header=header,
            seed=seed,
            pool_rows=pool_rows,
            delimiter=delimiter,
            null_values=null_values,
            newlines_in_values=newlines_in_values,
            file_format=file_format,
        )
        in_batches = self.batch_size if self.exact_batches else None
        self._of_batch = self.options.of_batch(self.batch_size) if in_batches else None
        self._at_a_time = self.options.positives_at_a_time(self._chunk_rows, in_batches)

    @property
    def users(self) -> np.ndarray:
        """int64 or bytes objects [users]: the candidates."""
        return self._candidates.known.users.ids

    @property
    def items(self) -> np.ndarray:
        """int64 or bytes objects [items]: the candidates."""
        return self._candidates.known.items.ids

    @property
    def popularity(self) -> np.ndarray:
        """int64 [items]: how many users of the files have each item."""
        return self._candidates.known.popularity

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
        items = self._candidates.draw_items(seeds.generator(seeds.PAIRS, seed), users, each)
        return self.items.take(items).reshape(len(users), each)

    @property
    def rows_per_epoch(self) -> int:
        """Observed pairs and fakes; if paired, their pairs. Known without counting."""
        positives = self._candidates.num_rows
        if not self.is_train:
            return positives
        return self._fakes if self.options.paired else positives + self._fakes

    def describe(self) -> Description:
        """What is read and what comes of it."""
        known = len(self._candidates.known.codes)
        description = Description(
            **super().describe(),
            positives=self._candidates.num_rows,
            users=len(self.users),
            items=len(self.items),
            known_pairs=known,
            unobserved_pairs=self._candidates.num_pairs - known,
        )
        if self.is_train:
            description.update(fakes=self.options.fakes, fakes_per_epoch=self._fakes)
        return description

    def prior(self) -> Prior:
        """See `InputFn`. What stands for the files is all pairs of candidates, the unobserved too.

        Raises:
            SamplingError: the fakes are not drawn uniformly, or are paired.
        """
        if not self.is_train:
            return super().prior()
        if self.options.paired or self.options.fakes != "uniform":
            how = "paired" if self.options.paired else repr(self.options.fakes)
            raise SamplingError(
                f"fakes are {how}, which shifts the odds of users and items each by another "
                "factor, expected 'uniform'; take the outputs for ranking, or draw uniformly"
            )
        positives = self._candidates.num_rows
        unobserved = self._candidates.num_pairs - len(self._candidates.known.codes)
        return Prior((unobserved, positives), (self._fakes, positives))

    def _check_mode(self, mode: str | None) -> None:
        if mode == "train" and not self.is_train:
            raise SamplingError(
                "mode is 'train' and is_train is False, which makes no fakes; pass is_train=True"
            )
        super()._check_mode(mode)

    def _epoch(self, streams: Streams) -> Iterator[list[Part]]:
        """Slices of positives, each with its share of fakes."""
        positives = streams[POSITIVE]
        while True:
            epoch, taken = positives.cursor.pass_, positives.taken
            slices = positives.take(self._at_a_time, within_pass=True)
            if not slices:
                return
            if not self.is_train:
                yield [Part(slices)]
                continue
            # Numbered through all workers, so that what is rounded adds up.
            first = positives.share.before + taken
            counts = first + np.arange(sum(len(slice_.rows) for slice_ in slices) + 1)
            wanted = apportionment.portion(counts, self.options.per_positive)
            worker = positives.share.key
            generator = seeds.generator(seeds.PAIRS, self.seed, epoch, taken, *worker)
            users = pair_rows.gathered(slices, USER)
            fakes = self._candidates.draw(generator, users, np.diff(wanted))
            if self.options.paired:
                share = self.options.share
                yield pair_rows.side_by_side(slices, fakes, wanted, share, self._label)
            else:
                label = self.schema[self._label]
                yield pair_rows.one_by_one(slices, fakes, label, self._default_label)

    @property
    def _chunk_rows(self) -> int:
        """As many as there are elsewhere, or fewer with long vectors."""
        width = sum(math.prod(dtype.shape) for dtype in self._dtypes.values() if dtype.shape)
        return min(CHUNK_ROWS, _CHUNK_VALUES // max(1, width))

    def _rows_of(self, shard: Shard) -> int:
        positives = self._share(POSITIVE, shard)
        if not self.is_train:
            return positives.count
        ends = np.array([positives.before, positives.before + positives.count])
        fakes = int(np.diff(apportionment.portion(ends, self.options.per_positive))[0])
        return fakes if self.options.paired else positives.count + fakes

    def _rows_of_blocks(self, role: str) -> np.ndarray:
        """Without the rows of users who have nothing left to draw."""
        counts = super()._rows_of_blocks(role)
        if self._candidates.can_draw.all():
            return counts
        is_kept = self._candidates.can_draw.take(self._candidates.known.user_codes)
        kept_before = np.concatenate([[0], np.cumsum(is_kept)])
        return np.diff(kept_before[np.concatenate([[0], np.cumsum(counts)])])

    def _order(self, sizes: Sequence[int], position: Position) -> np.ndarray:
        if self._of_batch is None:
            return super()._order(sizes, position)
        mixer = self._mixer(position) if self.shuffle else None
        return apportionment.order_in_batches(sizes, self._of_batch, mixer)

    def _mixed(self, parts: list[Part], position: Position, names: Sequence[str]) -> Columns:
        """Codes are mixed; ids and features are looked up by them at the end."""
        chunk = super()._mixed(parts, position, self._joined.needed(names))
        return self._joined.join(chunk, names)

    def _to_round(self, role: str, table: pa.Table, blocks: np.ndarray) -> Round:
        others = [self.schema.label, self.schema.weight]
        round_ = columns.from_table(table.select([c for c in table.column_names if c in others]))
        known = (self._candidates.known.users, self._candidates.known.items)
        for name, key, ids in zip((USER, ITEM), self._keys, known, strict=True):
            round_[name] = known_pairs.codes_of(ids, table, key, self._blocks[role], blocks)
        if self._has_log_q:
            round_[LOG_Q] = np.zeros(table.num_rows, np.float32)
        return round_

    def _load(self, role: str, blocks: np.ndarray, table: pa.Table) -> tuple[Round, int]:
        """Without the rows of users who have nothing left to draw."""
        round_, rows = super()._load(role, blocks, table)
        if self._candidates.can_draw.all():
            return round_, rows
        kept = np.flatnonzero(self._candidates.can_draw.take(round_[USER]))
        return Round((name, column.take(kept)) for name, column in round_.items()), len(kept)

    @functools.cached_property
    def _candidates(self) -> Candidates:
        exclude = None if self._exclude is None else self._open("exclude", self._exclude)
        options = self.options if self.is_train else None
        positives = self._blocks[POSITIVE]
        return Candidates(positives, exclude, self._keys, self._vocabularies, options)

    @functools.cached_property
    def _joined(self) -> Joined:
        known, sides = self._candidates.known, self.options.sides
        return pair_features.of_candidates(known, self._keys, self._lookups, self.schema, sides)

    @property
    def _fakes(self) -> int:
        """In an epoch."""
        return int(
            apportionment.portion(np.array(self._candidates.num_rows), self.options.per_positive)
        )

    @property
    def _has_log_q(self) -> bool:
        return self.is_train and self.options.fakes == "popularity"

    @property
    def _forwarded(self) -> tuple[str, ...]:
        names = self.schema.features_to_forward
        return tuple(side + name for side in self.options.sides for name in names)

    def _output_dtypes(self) -> dict[str, np.dtype]:
        dtypes = self._joined.dtypes
        if self._has_log_q:
            dtypes |= {side + LOG_Q: np.dtype(np.float32) for side in self.options.sides}
        if self.options.paired:
            dtypes[self._label] = np.dtype(np.int64)
        elif self._blocks[POSITIVE].has_labels:
            dtypes[self._label] = self.schema[self._label].numpy_dtype
        return dtypes

    def _checked_label(self, schema: Schema, default_label: Any) -> Any:
        if self.is_train:
            return pair_rows.checked_label(schema, default_label)
        if self.options.paired:
            raise SamplingError(
                "paired is True and is_train is False, which makes no fakes to compare with; "
                "pass is_train=True"
            )
        return None

    def _made_with(self) -> dict[str, Any]:
        return {
            **super()._made_with(),
            "is_train": self.is_train,
            "options": repr(self.options),
            "default_label": self._default_label,
            "batch_size": self.batch_size if self.exact_batches else None,
            "known_pairs": self._candidates.checksum,
        }
