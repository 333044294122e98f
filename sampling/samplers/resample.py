"""`Resample`: every row as often as its rate says, and worth the inverse if asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from sampling import checks
from sampling.samplers.plan import ByRate, Plan
from sampling.samplers.sampler import Sampler, Sizes

RateFunction = Callable[[pa.Table], Any]


class Resample(Sampler):
    """See `InputFnResample` for the arguments.

    Raises:
        SamplingError: one is out of range.
    """

    def __init__(
        self,
        rate: str | RateFunction,
        overall_rate: float | None = None,
        weight: str | None = None,
    ):
        self._rate = rate
        if overall_rate is not None:
            checks.positive_number("overall_rate", overall_rate)
        if weight is not None:
            checks.one_of("weight", weight, ["inverse"])
        self._by_rate = ByRate(overall_rate, weight == "inverse")
        if isinstance(rate, str):
            self.not_features = self.rate_columns = (rate,)

    def plan(self, sizes: Sizes) -> Plan:
        [name] = sizes
        return Plan.per(name, by_rate=self._by_rate)

    def rates(self, table: pa.Table) -> Any:
        return table[self._rate] if isinstance(self._rate, str) else self._rate(table)
