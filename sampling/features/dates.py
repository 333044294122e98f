"""Dates as numbers of days, and as places in the year, in the week and in the day."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

# Days in one of what whole numbers count; calendar numbers are such as 20240131.
UNITS = {"milliseconds": 1 / 86.4e6, "seconds": 1 / 86400, "days": 1.0, "years": 365.2425}
CALENDAR = "calendar"
# Days in a cycle, and the day since 1970 that one began on: January 5th was a Monday.
CYCLES = {"year": (365.2425, 0.0), "week": (7.0, 4.0), "day": (1.0, 0.0)}

_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}.*|[^:0-9].*)?"
_ISO = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([ T]{_CLOCK})?"
_BEGIN = "1970-01-01 00:00:00"


def of_text(texts: tf.Tensor) -> tf.Tensor:
    """ISO dates and times -> days since 1970, the time of day as a fraction.

    A zone is not looked at: an hour is as it is written.

    Args:
        texts: string, any shape.

    Returns:
        float64 of that shape, NaN where the text is no date.
    """
    is_time = tf.strings.regex_full_match(texts, _CLOCK)
    texts = tf.where(is_time, tf.strings.join([_BEGIN[:11], texts]), texts)
    is_date = tf.strings.regex_full_match(texts, _ISO)
    texts = tf.where(is_date, texts, _BEGIN)
    # "2024-01-31" -> "2024-01-31 00:00:00", "2024-01-31 12:30Z" -> "2024-01-31 12:30:00"
    texts = tf.strings.regex_replace(texts, r"\A(.{10})\z", r"\1 00:00")
    texts = tf.strings.regex_replace(texts, r"\A(.{16})([^:].*)?\z", r"\1:00")

    def number(begin: int, length: int) -> tf.Tensor:
        return tf.strings.to_number(tf.strings.substr(texts, begin, length), tf.float64)

    clock = number(11, 2) / 24 + number(14, 2) / 1440 + number(17, 2) / 86400
    days = _of_calendar(number(0, 4), number(5, 2), number(8, 2)) + clock
    return tf.where(is_date, days, tf.constant(math.nan, tf.float64))


def of_numbers(values: tf.Tensor, unit: str) -> tf.Tensor:
    """float64 in a unit -> days since 1970."""
    if unit != CALENDAR:
        return (values - (1970.0 if unit == "years" else 0.0)) * UNITS[unit]
    year, rest = values // 10000, values % 10000
    return _of_calendar(year, rest // 100, rest % 100)


def unit(values: np.ndarray) -> str:
    """What whole numbers that are dates count, by their size."""
    median = float(np.median(np.abs(values))) if len(values) else 0.0
    if 19_000_101 <= median <= 21_001_231:
        return CALENDAR
    limits = {"years": 3_000.0, "days": 1e6, "seconds": 1e11}
    return next((name for name, limit in limits.items() if median < limit), "milliseconds")


def cycles(days: np.ndarray) -> tuple[str, ...]:
    """The cycles in which dates differ.

    Args:
        days: float64, without NaN.
    """
    if not len(days):
        return ()
    low, high = np.quantile(days, [0.01, 0.99])
    differs = {"year": high - low > 60, "week": high - low > 2, "day": bool((days % 1).any())}
    whole_years = len(np.unique(days // 1)) <= 1 + (high - low) / 360
    return tuple(name for name, does in differs.items() if does and not whole_years)


def in_cycle(days: tf.Tensor, cycle: str) -> list[tf.Tensor]:
    """Sine and cosine of the place in a cycle, float64; both are 0 where days are NaN."""
    length, begin = CYCLES[cycle]
    angle = 2 * math.pi * (days - begin) / length
    zeros = tf.zeros_like(days)
    is_missing = tf.math.is_nan(days)
    return [tf.where(is_missing, zeros, wave(angle)) for wave in (tf.sin, tf.cos)]


def _of_calendar(year: tf.Tensor, month: tf.Tensor, day: tf.Tensor) -> tf.Tensor:
    """Days since 1970 of a day of the Gregorian calendar; the year begins in March."""
    year = tf.where(month <= 2, year - 1, year)
    month = tf.math.floormod(month + 9, tf.constant(12, tf.float64))
    in_year = tf.floor((153 * month + 2) / 5) + day - 1
    leaps = tf.floor(year / 4) - tf.floor(year / 100) + tf.floor(year / 400)
    return 365 * year + leaps + in_year - 719_468
