"""How fakes are drawn, and how many: checked when made, so that a wrong one cannot exist."""

from __future__ import annotations

import dataclasses
import math
import numbers
from fractions import Fraction

from sampling import checks
from sampling.errors import SamplingError
from sampling.order import apportionment

_LEAST = 1e-6  # a smaller ratio asks for more than a million rows at a time
FAKES = ("uniform", "per_user", "popularity")


@dataclasses.dataclass(frozen=True)
class FakeOptions:
    """See `InputFnWithFakePairs` for the arguments.

    Attributes:
        share: of the label 1 (observed pairs, or pairs whose first is the observed one).
        per_positive: fakes for each observed pair.

    Raises:
        SamplingError: one is out of range, or they do not go together.
    """

    balance_ratio: float = 0.5
    negatives_per_positive: float | None = None
    fakes: str | None = None
    alpha: float = 0.75
    paired: bool = False
    full_users: str = "error"
    grouped: bool = False

    def __post_init__(self) -> None:
        ratio = checks.positive_number("balance_ratio", self.balance_ratio)
        if not _LEAST <= ratio < 1:
            raise SamplingError(
                f"balance_ratio is {ratio!r}, expected a number of at least 0.000001 and below 1; "
                "fix it"
            )
        per_positive = self.negatives_per_positive
        if per_positive is not None:
            checks.positive_number("negatives_per_positive", per_positive)
            if per_positive < _LEAST:
                raise SamplingError(
                    f"negatives_per_positive is {per_positive!r}, expected a number of at least "
                    "0.000001; fix it"
                )
        if self.fakes is None:
            of_user = self.paired or self.grouped
            object.__setattr__(self, "fakes", "per_user" if of_user else "uniform")
        checks.one_of("fakes", self.fakes, FAKES)
        checks.one_of("full_users", self.full_users, ("error", "leave_out"))
        _check_alpha(self.alpha)
        if (self.paired or self.grouped) and self.fakes == "uniform":
            raise SamplingError(
                f"{self.of_a_row} is True and fakes is 'uniform', expected fakes of the same user "
                "to compare with; pass fakes='per_user' or 'popularity'"
            )
        if self.grouped and self.paired:
            raise SamplingError("paired and grouped are both True, expected one; leave one out")
        if self.grouped and self.per_positive.denominator > 1:
            raise SamplingError(
                f"grouped is True with {float(self.per_positive):g} fakes for each observed pair, "
                "expected a whole number; pass negatives_per_positive"
            )

    @property
    def of_a_row(self) -> str:
        """The argument by which a row has several items; "" if it has one."""
        return "paired" if self.paired else "grouped" if self.grouped else ""

    @property
    def group(self) -> int:
        """Items of a row that is a group; 0: rows are no groups."""
        return 1 + int(self.per_positive) if self.grouped else 0

    @property
    def per_positive(self) -> Fraction:
        if self.negatives_per_positive is not None:
            return apportionment.fraction(self.negatives_per_positive)
        ratio = apportionment.fraction(self.balance_ratio)
        return Fraction(1) if self.paired else (1 - ratio) / ratio

    @property
    def share(self) -> Fraction:
        if self.paired:
            return apportionment.fraction(self.balance_ratio)
        return 1 / (1 + self.per_positive)

    @property
    def sides(self) -> tuple[str, ...]:
        """What features' names begin with."""
        return ("a.", "b.") if self.paired else ("",)


def _check_alpha(alpha: float) -> None:
    is_number = isinstance(alpha, numbers.Real) and not isinstance(alpha, bool)
    if not is_number or not 0 <= alpha < math.inf:
        raise SamplingError(f"alpha is {alpha!r}, expected a number of at least 0; fix it")
