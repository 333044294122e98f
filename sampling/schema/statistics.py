"""What is known of a column's values: small, JSON, the same from one machine and from many."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sampling.errors import SamplingError

LEVELS = (0.0, 0.01, *(n / 20 for n in range(1, 20)), 0.99, 1.0)  # of the quantiles


@dataclasses.dataclass(frozen=True)
class ColumnStatistics:
    """A column's values in some rows.

    Args:
        rows: how many were looked at.
        missing: how many of them have no value.
        distinct: how many different values there are; about 1 % off where it is estimated.
        is_exact: whether `distinct`, `quantiles` and `values` are exact and `values` is all there
            are; so it is for up to 4,096 values.
        values: the most frequent ones as text (numbers as 17 or 0.5) -> rows, the most frequent
            first. Counts that are not exact are too low by at most 1 in 1,000 rows.
        minimum, maximum: of numbers; of texts, the first and the last in the order of their
            characters, which for ISO dates is that of time.
        mean, deviation: of a column of numbers: mean and standard deviation, not those of a sample.
        quantiles: of a column of numbers: share of the values -> the value that so many are not
            above. Otherwise empty.
        remarks: what a reader of the schema should know.
    """

    rows: int
    missing: int
    distinct: int
    is_exact: bool = True
    values: Mapping[str, int] = dataclasses.field(default_factory=dict)
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    deviation: float | None = None
    quantiles: Mapping[float, float] = dataclasses.field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", dict(self.values))
        object.__setattr__(self, "quantiles", dict(self.quantiles))
        object.__setattr__(self, "remarks", tuple(self.remarks))

    def __repr__(self) -> str:
        about = "" if self.is_exact else "about "
        said = [
            f"{self.rows:,} rows",
            f"{self.missing:,} missing",
            f"{about}{self.distinct:,} distinct",
        ]
        if self.median is not None:
            said.append(f"median {self.median:.6g}")
        elif self.values:
            said.append(f"most frequent {list(self.values)[:3]!r:.100}")
        return f"<ColumnStatistics: {', '.join(said)}>"

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def missing_share(self) -> float:
        """Rows without a value, as a share of all; 0 of no rows."""
        return self.missing / self.rows if self.rows else 0.0

    @property
    def median(self) -> float | None:
        """None: the column is none of numbers."""
        return self.quantiles.get(0.5)

    def to_dict(self) -> dict[str, Any]:
        """Plain values of which `from_dict` makes the same statistics."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        given["quantiles"] = {str(level): value for level, value in self.quantiles.items()}
        given["remarks"] = list(self.remarks)
        always = ("rows", "missing", "distinct")
        usual: dict[str, Any] = {"is_exact": True, "values": {}, "quantiles": {}, "remarks": []}
        return {
            name: value
            for name, value in given.items()
            if name in always or value != usual.get(name)
        }

    @classmethod
    def from_dict(cls, said: Any, origin: str) -> ColumnStatistics:
        """Those that JSON has.

        Args:
            origin: where they are from, for the error.

        Raises:
            SamplingError: they are not as `to_dict` makes them.
        """
        try:
            quantiles = {float(at): value for at, value in said.get("quantiles", {}).items()}
            return cls(**{**said, "quantiles": quantiles})
        except (AttributeError, TypeError, ValueError) as error:
            names = ", ".join(field.name for field in dataclasses.fields(cls))
            raise SamplingError(
                f"{origin}: found what is none ({error}), expected an object of {names}; "
                "leave statistics out, or make them anew"
            ) from None
