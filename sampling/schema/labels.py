"""What a label's values are called, whatever the type of their column.

A column of the classes ("no", "yes") may hold these texts; of ("0", "1") whole numbers, fractions
(1.0) or text; of ("False", "True") booleans or text, or 0 and 1.
"""

from __future__ import annotations

import decimal
import functools
from collections.abc import Iterable
from typing import Any

from sampling.errors import SamplingError

_SAME = {"true": "1", "1": "true", "false": "0", "0": "false"}


def checked_classes(classes: Any, label: str | None) -> tuple[str, ...]:
    """The names of a label's classes as text.

    Raises:
        SamplingError: there is no label, or fewer than two names, or two that are the same.
    """
    is_listed = isinstance(classes, Iterable) and not isinstance(classes, (str, bytes))
    names = tuple(map(_as_text, classes)) if is_listed else ()
    if not is_listed or len(names) == 1:
        raise SamplingError(
            f"classes is {classes!r}, expected the values of the label in order, such as "
            "('no', 'yes'); name them all"
        )
    if names and label is None:
        raise SamplingError(f"classes is {classes!r} and there is no label; pass label=")
    seen: dict[str, str] = {}
    for name in names:
        if (other := seen.setdefault(_plain(name), name)) is not name:
            raise SamplingError(
                f"classes has {other!r} and {name!r}, which can't be told apart; leave one out"
            )
    return names


def place(value: Any, classes: tuple[str, ...]) -> int | None:
    """Which of the classes a value is, from 0; None: none of them."""
    text, places = _as_text(value), _places(classes)
    if text in places:
        return places[text]
    plain = _plain(text)
    return places.get(plain, places.get(_SAME.get(plain, plain)))


@functools.lru_cache(64)
def _places(classes: tuple[str, ...]) -> dict[str, int]:
    """By name as it stands, and by what is the same; the former go first."""
    plain = {_plain(name): number for number, name in enumerate(classes)}
    return plain | {name: number for number, name in enumerate(classes)}


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str(value)


def _plain(text: str) -> str:
    """One text for all that are the same number, or the same word but for blanks around it."""
    stripped = text.strip()
    try:
        number = decimal.Decimal(stripped)
    except decimal.InvalidOperation:
        return stripped.lower() if stripped.lower() in _SAME else stripped
    if not number.is_finite():
        return stripped
    return str(int(number)) if number == int(number) else str(number.normalize())
