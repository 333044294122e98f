"""`PairRows`: pairs are held as codes of users and items; features are looked up at the end."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sampling.rows import columns
from sampling.rows.columns import Columns, Round
from sampling.rows.encoding import CHUNK_ROWS
from sampling.samplers.fake_pairs import known_pairs, pair_features
from sampling.samplers.fake_pairs.candidates import ITEM, LOG_Q, USER, Candidates
from sampling.samplers.fake_pairs.lookup import Lookup
from sampling.samplers.fake_pairs.options import FakeOptions
from sampling.samplers.fake_pairs.pair_features import PairFeatures
from sampling.schema import Schema

_CHUNK_VALUES = 2**24  # of all vectors in a chunk: 64 MiB


class PairRows:
    """An `Encoding`; other columns of the files than keys, label and weight are left out.

    Args:
        candidates: users and items by code.
        keys: what users' and items' ids are called as features.
        lookups: of users and of items, by argument.
        schema: of the files.
        options: how fakes are drawn; None: not at all.
    """

    takes_codes = False  # of strings: ids have codes of their own

    def __init__(
        self,
        candidates: Candidates,
        keys: tuple[str, str],
        lookups: Mapping[str, Lookup | None],
        schema: Schema,
        options: FakeOptions | None,
    ):
        self._candidates, self._keys, self._schema = candidates, keys, schema
        self._sides = options.sides if options else ("",)
        self._is_paired = bool(options and options.paired)
        self._group = options.group if options else 0
        self._has_log_q = bool(options and options.fakes == "popularity")
        known = candidates.known
        self._features: PairFeatures = pair_features.of_candidates(
            known, keys, lookups, schema, self._sides, self._group
        )
        names = schema.features_to_forward
        self.forwarded = tuple(side + name for side in self._sides for name in names)

    @functools.cached_property
    def chunk_rows(self) -> int:
        """As many as there are elsewhere, or fewer with long vectors."""
        width = sum(math.prod(each.shape) for each in self._features.dtypes.values() if each.shape)
        return min(CHUNK_ROWS, _CHUNK_VALUES // max(1, width))

    def dtypes(self, blocks: Any) -> dict[str, np.dtype]:
        found = dict(self._features.dtypes)
        if self._has_log_q:
            log_q = pair_features.dtype_of_group(np.dtype(np.float32), self._group)
            found |= {side + LOG_Q: log_q for side in self._sides}
        label = self._schema.label_field
        if label is not None and self._is_paired:
            found[label.name] = np.dtype(np.int64)
        elif label is not None and blocks.has_labels:
            found[label.name] = label.numpy_dtype
        return found

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        wanted = {*self._keys, self._schema.label, self._schema.weight}
        return tuple(name for name in self._schema.names if name in wanted)

    def encode(self, table: pa.Table, blocks: Any, ids: np.ndarray) -> Round:
        others = [self._schema.label, self._schema.weight]
        round_ = columns.from_table(table.select([c for c in table.column_names if c in others]))
        known = (self._candidates.known.users, self._candidates.known.items)
        for name, key, vocabulary in zip((USER, ITEM), self._keys, known, strict=True):
            round_[name] = known_pairs.codes_of(vocabulary, table, key, blocks, ids)
        if self._has_log_q:
            round_[LOG_Q] = np.zeros(table.num_rows, np.float32)
        return round_

    def kept(self, round_: Round) -> np.ndarray | None:
        """Without the rows of users who have nothing left to draw."""
        can_draw = self._candidates.can_draw
        return None if can_draw.all() else np.flatnonzero(can_draw.take(round_[USER]))

    def rows_of_blocks(self, blocks: Any) -> np.ndarray:
        counts: np.ndarray = blocks.rows_of_blocks()
        if self._candidates.can_draw.all():
            return counts
        is_kept = self._candidates.can_draw.take(self._candidates.known.user_codes)
        kept_before = np.concatenate([[0], np.cumsum(is_kept)])
        return np.diff(kept_before[np.concatenate([[0], np.cumsum(counts)])])

    def count(self, blocks: Any) -> int:
        return self._candidates.num_rows

    def needed(self, names: Sequence[str]) -> tuple[str, ...]:
        return self._features.needed(names)

    def decode(self, chunk: Columns, names: Sequence[str]) -> Columns:
        return self._features.join(chunk, names)
