"""Arguments checked in one place."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from sampling.errors import SamplingError


def whole_number(name: str, value: Any, at_least: int) -> int:
    """An int (numpy's too), or SamplingError."""
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole or value < at_least:
        raise SamplingError(
            f"{name} is {value!r}, expected a whole number of at least {at_least}; fix it"
        )
    return int(value)


def positive_number(name: str, value: Any) -> float:
    """A finite float above 0, or SamplingError."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value <= 0:
        raise SamplingError(f"{name} is {value!r}, expected a finite number above 0; fix it")
    return float(value)


def number(name: str, value: Any, at_least: float) -> float:
    """A finite float, or SamplingError."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < at_least:
        raise SamplingError(
            f"{name} is {value!r}, expected a finite number of at least {at_least:g}; fix it"
        )
    return float(value)


def one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    """One of the words, or SamplingError."""
    if value not in choices:
        raise SamplingError(
            f"{name} is {value!r}, expected one of {', '.join(map(repr, choices))}; fix it"
        )
    return str(value)


def weight(name: str, value: Any) -> float:
    """A finite number, not negative, that float32 holds, or SamplingError."""
    checked = number(name, value, 0)
    with np.errstate(over="ignore"):
        held = np.float32(checked)
    if not np.isfinite(held) or (checked > 0 and held == 0):
        raise SamplingError(
            f"{name} is {value!r}, which is {held} as float32, expected 0 or a number from 1.4e-45 "
            "to 3.4e38; scale all weights by the same factor"
        )
    return checked
