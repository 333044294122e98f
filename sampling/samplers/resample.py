"""`InputFnResample`: every row as often as its rate says, and worth the inverse if asked."""

from __future__ import annotations

import dataclasses
import functools
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.input_fn import usage
from sampling.input_fn.description import Description
from sampling.input_fn.engine import Part, Streams
from sampling.input_fn.input_fn import InputFn
from sampling.order import rounds
from sampling.order.rates import Rates
from sampling.order.shares import EVERYTHING, Shard, Share
from sampling.probabilities.calibration import Prior
from sampling.rows import columns
from sampling.rows.columns import Columns, Round
from sampling.rows.transform import Function
from sampling.schema import WEIGHT_FEATURE, Schema

RateFunction = Callable[[pa.Table], Any]
_ROLE = "files"
_LEAST = 1e-30  # the inverse of a smaller rate is no float32
_RATE = "\0rate"  # a column that no file has


class InputFnResample(InputFn):
    """Rows by rates: 0.1 is one row in ten, 2.5 every row two or three times, 0 never.

        input_fn = InputFnResample("visits/*.csv", schema, rate="rate", weight="inverse")
        estimator.train(input_fn)

        InputFnResample("visits/*.csv", schema, weight="inverse",
                        rate=lambda table: pyarrow.compute.if_else(table["seconds"] > 60, 1, 0.1))

    An epoch is a pass over the files, and has R rows, the sum of the rates, rounded; the rates are
    scaled to add up to just that, by less than one part in 2 R. A row comes floor(rate) or
    ceil(rate) times in a pass, its rate on average over the passes. With weight="inverse", the
    weighted sum over an epoch of anything is, on average, the sum over the files (the estimator of
    Horvitz and Thompson, 1952). Draws are systematic ones, see `sampling.order.rates`: they vary as
    little as can be. All rates are read once, before the first row.

    Args:
        files: see `InputFn`.
        schema: the columns.
        rate: the name of a column of numbers, which is no feature then and must not be empty; or a
            function of a pyarrow table (after the transform) that returns a number for each row: a
            pyarrow or numpy array [rows]. It must depend on nothing but the row.
        overall_rate: scales the rates so that this is their mean: the files' n rows make
            R = overall_rate x n of an epoch, rounded. None: the rates are what they say.
        weight: None, or "inverse": 1 / rate as scaled (times the row's own weight, if the schema
            has a weight column).
        shuffle, batch_size, num_epochs, header, seed, pool_rows, delimiter, null_values,
        newlines_in_values, transform, file_format: see `InputFn`. Unshuffled, rows and their copies
            come in file order.

    Raises:
        SamplingError: an argument is out of range, no file matches, or a header does not fit the
            schema; when first read: a rate is negative, NaN or infinite, or all of them are 0.
    """

    def __init__(
        self,
        files: files.Globs,
        schema: Schema,
        rate: str | RateFunction,
        *,
        overall_rate: float | None = None,
        weight: str | None = None,
        shuffle: bool = True,
        batch_size: int = 128,
        num_epochs: int | None = 1,
        header: bool = True,
        seed: int = 0,
        pool_rows: int = 131_072,
        delimiter: str = ",",
        null_values: Sequence[str] = ("",),
        newlines_in_values: bool = False,
        transform: Function | None = None,
        file_format: str | None = None,
    ):
        self._rate = rate
        self._known: dict[int, list[Rates]] = {}  # by number of workers
        self.overall_rate, self.weight = overall_rate, weight
        if overall_rate is not None:
            checks.positive_number("overall_rate", overall_rate)
        if weight is not None:
            checks.one_of("weight", weight, ["inverse"])
        super().__init__(
            files,
            _with_rate(schema, rate),
            shuffle=shuffle,
            batch_size=batch_size,
            num_epochs=num_epochs,
            header=header,
            seed=seed,
            pool_rows=pool_rows,
            delimiter=delimiter,
            null_values=null_values,
            newlines_in_values=newlines_in_values,
            transform=transform,
            file_format=file_format,
        )

    @property
    def rows_per_epoch(self) -> int:
        """The sum of the rates, rounded; they are read for it, once."""
        return self._rates.rows

    def describe(self) -> Description:
        """What is read and what comes of it. The rates are read for it."""
        rates = self._rates
        return Description(
            **super().describe(),
            rows_in_files=int(rates.sizes.sum()),
            mean_rate=rates.rows / int(rates.sizes.sum()),
            rates_are_scaled_by=rates.scale,
        )

    def prior(self) -> Prior:
        """See `InputFn`. Of the rows in the files, and in the first epoch; both are read for it."""
        sampled = super().prior().stream
        masses = usage.label_masses(self._labels_of_files(), self._label)
        return Prior(tuple(masses[label] for label in sorted(masses)), sampled)

    @property
    def _rates(self) -> Rates:
        return self._rates_of_workers(1)[0]

    def _rates_of_workers(self, number: int) -> list[Rates]:
        """Of each of so many workers: those of its rows. One pass over the files, once."""
        if number not in self._known:
            shares = [self._share(_ROLE, Shard(index, number)) for index in range(number)]
            assert shares[0].counts.all()  # or it has raised
            sums = np.zeros((number, len(self._sizes)))
            for blocks, table in self._tables():
                rates, parts = self._checked_rates(table, blocks), self._parts(blocks)
                of_row = np.repeat(np.arange(len(parts)), self._sizes[parts])
                for share, of_worker in zip(shares, sums, strict=True):
                    own = rates * self._is_own(share, blocks, table.num_rows)
                    of_worker[parts] = np.bincount(of_row, own, len(parts))
            self._known[number] = self._divided(sums)
        return self._known[number]

    def _divided(self, sums: np.ndarray) -> list[Rates]:
        """The rows of an epoch among the workers, by the sums of their rates."""
        sizes = self._sizes
        ends = np.cumsum(sums.sum(axis=1))
        if not 0 < ends[-1] < np.inf:
            raise SamplingError(
                f"{_ROLE}: the rates of {sizes.sum():,} rows add up to {ends[-1]:g}, expected more "
                "than 0, and a finite number; fix the rates"
            )
        wanted = self.overall_rate * sizes.sum() if self.overall_rate else ends[-1]
        rows = np.rint(ends / ends[-1] * max(1, round(wanted))).astype(np.int64)
        pairs = zip(sums, np.diff(rows, prepend=0).tolist(), strict=True)
        return [Rates(of_worker, sizes, own) for of_worker, own in pairs]

    @functools.cached_property
    def _sizes(self) -> np.ndarray:
        """int64 [parts]: rows of each part of the files that has its share of an epoch.

        A part is a block; what fits one round is one part, so that the format does not matter.
        """
        sizes = self._blocks[_ROLE].rows_of_blocks()
        return sizes if self._has_rounds else sizes.sum(keepdims=True)

    @property
    def _has_rounds(self) -> bool:
        return rounds.rounds_of(self._blocks[_ROLE], self.pool_rows) > 1

    def _parts(self, blocks: np.ndarray) -> np.ndarray:
        """int64: which parts some blocks are, sorted."""
        return blocks if self._has_rounds else np.zeros(1, np.int64)

    def _is_own(self, share: Share, blocks: np.ndarray, rows: int) -> np.ndarray:
        """bool [rows]: whether each row of some blocks is a worker's."""
        is_own = np.zeros(rows, bool)
        is_own[share.rows(blocks, rows)] = True
        of_row = np.repeat(np.isin(blocks, share.blocks), self._rows_of_blocks(_ROLE)[blocks])
        return is_own & of_row

    def _tables(self) -> Iterator[tuple[np.ndarray, pa.Table]]:
        """All rows in file order, after the transform, about `pool_rows` at a time."""
        for blocks in self._share(_ROLE, EVERYTHING).at_a_time(self.pool_rows):
            yield blocks, self._transform(self._blocks[_ROLE].read(blocks))

    def _epoch(self, streams: Streams) -> Iterator[list[Part]]:
        """As many rows as the streams make copies of; scaled rates have scaled inverses."""
        scale = self._of(streams[_ROLE].share.key).scale
        for [part] in super()._epoch(streams):
            yield [part._replace(weight=1 / scale if self.weight == "inverse" else 1.0)]

    def _rows_of(self, shard: Shard) -> int:
        return self._rates_of_workers(shard.number)[shard.index].rows

    def _of(self, worker: tuple[int, ...]) -> Rates:
        index, number = worker or (0, 1)
        return self._rates_of_workers(number)[index]

    def _labels_of_files(self) -> Iterator[Columns]:
        for ids, table in self._tables():
            round_ = columns.from_table(table)
            weights = columns.pop_weight(round_, self.schema)
            if weights is None:
                weights = np.ones(table.num_rows, np.float32)
            self._check_weights(weights, _ROLE, ids)
            yield {self._label: columns.to_numpy(table[self._label]), WEIGHT_FEATURE: weights}

    def _copies(self, share: Share, round_: Round, blocks: np.ndarray, pass_: int) -> np.ndarray:
        rates: Any = round_[_RATE]
        own = rates * self._is_own(share, blocks, len(rates))
        parts = self._parts(blocks)
        return self._of(share.key).copies(own, parts, (self.seed, pass_, *share.key))

    def _load(self, role: str, blocks: np.ndarray, table: pa.Table) -> tuple[Round, int]:
        round_, rows = super()._load(role, blocks, table)
        if self.weight == "inverse":
            rates: Any = round_[_RATE]
            inverse = np.divide(1.0, rates, out=np.zeros(rows), where=rates > 0)
            own: Any = round_.get(WEIGHT_FEATURE, 1.0)
            round_[WEIGHT_FEATURE] = (inverse * own).astype(np.float32)
        return round_, rows

    def _to_round(self, role: str, table: pa.Table, blocks: np.ndarray) -> Round:
        rates = self._checked_rates(table, blocks)
        if isinstance(self._rate, str):
            table = table.drop([self._rate])
        return Round(super()._to_round(role, table, blocks), **{_RATE: rates})

    def _checked_rates(self, table: pa.Table, blocks: np.ndarray) -> np.ndarray:
        """float64 [rows], checked."""
        if isinstance(self._rate, str):
            given, column = table[self._rate], f", column {self._rate!r}"
        else:
            given, column = self._rate(table), ""
        rates = np.asarray(given)  # of pyarrow's arrays too
        if rates.shape != (table.num_rows,) or rates.dtype.kind not in "iufb":
            raise SamplingError(
                f"rate returned an array of shape {list(rates.shape)} and type {rates.dtype} for "
                f"a table of {table.num_rows} rows, expected a number for each row; fix it"
            )
        rates = rates.astype(np.float64)
        wrong = np.flatnonzero(~(np.isfinite(rates) & ((rates == 0) | (rates >= _LEAST))))
        if len(wrong):
            raise SamplingError(
                f"{self._blocks[_ROLE].locate(blocks, wrong[0])}{column}: found the rate "
                f"{rates[wrong[0]]:g}, expected a finite number, not negative, nor between 0 and "
                f"{_LEAST:g}; fix it"
            )
        return rates

    def _without_weight(self, dtypes: dict[str, np.dtype]) -> dict[str, np.dtype]:
        dtypes = super()._without_weight(dtypes)
        return {name: dtype for name, dtype in dtypes.items() if name != self._rate}

    def _made_with(self) -> dict[str, Any]:
        rates = self._rates
        checksum = zlib.crc32(rates.sums.tobytes())
        return {**super()._made_with(), "rates": f"{rates.rows} with checksum {checksum}"}


def _with_rate(schema: Any, rate: Any) -> Schema:
    """The schema with a column of rates that must not be empty."""
    if callable(rate) or not isinstance(schema, Schema):  # what is no schema is refused later
        return schema
    names = [
        field.name
        for field in schema.features
        if not (field.is_string or field.is_list or field.name in schema.features_to_forward)
    ]
    if rate not in names:
        raise SamplingError(
            f"rate is {rate!r}, expected a column of numbers among {', '.join(names) or 'none'} "
            "(no label, weight or forwarded feature), or a function of a pyarrow table; fix it"
        )
    fields = tuple(
        dataclasses.replace(field, mode="REQUIRED") if field.name == rate else field
        for field in schema
    )
    return dataclasses.replace(schema, fields=fields)
