"""How often each row comes, where a sampler gives rates: known for each worker by one pass."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable

import numpy as np

from sampling.errors import SamplingError
from sampling.input_fn.stream.reader import RATE, Reader
from sampling.order import rounds
from sampling.order.rates import Rates
from sampling.order.shares import EVERYTHING, Shard, Share
from sampling.rows.columns import Round


class RowRates:
    """The rates of a class's rows, scaled so that an epoch has a whole number of rows.

    All rates are read once for a number of workers, before the first row.

    Args:
        reader: of the files.
        name: of the class.
        seed, pool_rows: of the input function.
        overall_rate: what the rates are scaled to on average; None: as they are.
        share_of: which rows are a worker's.
    """

    def __init__(
        self,
        reader: Reader,
        name: str,
        seed: int,
        pool_rows: int,
        overall_rate: float | None,
        share_of: Callable[[Shard], Share],
    ):
        self._reader, self._name, self._seed, self._pool_rows = reader, name, seed, pool_rows
        self._overall_rate, self._share_of = overall_rate, share_of
        self._has_rounds = rounds.rounds_of(reader.blocks[name], pool_rows) > 1
        self._known: dict[int, list[Rates]] = {}  # by number of workers

    def of(self, shard: Shard = EVERYTHING) -> Rates:
        """Those of a worker's rows."""
        return self._of_workers(shard.number)[shard.index]

    def copies(
        self, shard: Shard, share: Share, round_: Round, ids: np.ndarray, pass_: int
    ) -> np.ndarray:
        """int64 [rows]: how often each row of a round comes in a pass."""
        rates = round_[RATE]
        own = rates * self._is_own(share, ids, len(rates))
        return self.of(shard).copies(own, self._parts(ids), (self._seed, pass_, *share.key))

    def fingerprint(self) -> str:
        rates = self.of()
        return f"{rates.rows} with checksum {zlib.crc32(rates.sums.tobytes())}"

    def _of_workers(self, number: int) -> list[Rates]:
        if number not in self._known:
            shares = [self._share_of(Shard(index, number)) for index in range(number)]
            assert shares[0].counts.all()  # or it has raised
            sums = np.zeros((number, len(self._sizes)))
            for ids in self._share_of(EVERYTHING).at_a_time(self._pool_rows):
                rates, parts = self._reader.rates(self._name, ids), self._parts(ids)
                of_row = np.repeat(np.arange(len(parts)), self._sizes[parts])
                for share, of_worker in zip(shares, sums, strict=True):
                    own = rates * self._is_own(share, ids, len(rates))
                    of_worker[parts] = np.bincount(of_row, own, len(parts))
            self._known[number] = self._divided(sums)
        return self._known[number]

    def _divided(self, sums: np.ndarray) -> list[Rates]:
        """The rows of an epoch among the workers, by the sums of their rates."""
        sizes = self._sizes
        ends = np.cumsum(sums.sum(axis=1))
        if not 0 < ends[-1] < np.inf:
            raise SamplingError(
                f"{self._name}: the rates of {sizes.sum():,} rows add up to {ends[-1]:g}, expected "
                "more than 0, and a finite number; fix the rates"
            )
        wanted = self._overall_rate * sizes.sum() if self._overall_rate else ends[-1]
        if wanted >= 2**53:
            raise SamplingError(
                f"{self._name}: the rates of {sizes.sum():,} rows ask for {wanted:g} rows in an "
                "epoch, expected fewer than 9e15; lower the rates, or overall_rate"
            )
        rows = np.rint(ends / ends[-1] * max(1, round(wanted))).astype(np.int64)
        pairs = zip(sums, np.diff(rows, prepend=0).tolist(), strict=True)
        return [Rates(of_worker, sizes, own) for of_worker, own in pairs]

    @functools.cached_property
    def _sizes(self) -> np.ndarray:
        """int64 [parts]: rows of each part of the files that has its share of an epoch.

        A part is a block; what fits one round is one part, so that the format does not matter.
        """
        sizes = self._reader.rows_of_blocks(self._name)
        return sizes if self._has_rounds else sizes.sum(keepdims=True)

    def _parts(self, ids: np.ndarray) -> np.ndarray:
        """int64: which parts some blocks are, sorted."""
        return ids if self._has_rounds else np.zeros(1, np.int64)

    def _is_own(self, share: Share, ids: np.ndarray, rows: int) -> np.ndarray:
        """bool [rows]: whether each row of some blocks is a worker's."""
        is_own = np.zeros(rows, bool)
        is_own[share.rows(ids, rows)] = True
        sizes = self._reader.rows_of_blocks(self._name)[ids]
        return is_own & np.repeat(np.isin(ids, share.blocks), sizes)
