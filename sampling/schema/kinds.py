"""What a column is to a model: an id, a number, a category or a date."""

from __future__ import annotations

import re

from sampling.errors import SamplingError

KINDS = ("id", "number", "category", "date")

_DATES = ("DATE", "DATETIME", "TIME", "TIMESTAMP")
_TEXTS = ("STRING", "BYTES")
_ID_NAME = re.compile(
    r"^unnamed: \d+|(^|[\W_])(id|ids|uid|uuid|guid|key|index|rowid|row_id)$", re.IGNORECASE
)
_CAMEL_ID = re.compile(r"[a-z\d](Id|ID|Uuid|UUID|Key)$")


def of_type(type_: str) -> str:
    """The kind of a column of which no more is known than BigQuery's name of its type."""
    if type_ in _DATES:
        return "date"
    return "category" if type_ in _TEXTS else "number"


def checked(kind: str | None, type_: str, name: str) -> str:
    """The kind, that of the type where it is None.

    Raises:
        SamplingError: there is no such kind, or the type can't be of it.
    """
    if kind is None:
        return of_type(type_)
    if kind not in KINDS:
        raise SamplingError(
            f"field {name!r} has the kind {kind!r}, expected {', '.join(KINDS)}; fix it"
        )
    if kind == "number" and of_type(type_) != "number":
        raise SamplingError(
            f"field {name!r} is of kind number and of type {type_}, expected a number; fix the type"
        )
    if kind == "date" and type_ not in (*_DATES, "STRING", "INTEGER"):
        raise SamplingError(
            f"field {name!r} is of kind date and of type {type_}, expected "
            f"{', '.join(_DATES)}, STRING or INTEGER (seconds, days or years); fix one of them"
        )
    return kind


def is_id_name(name: str) -> bool:
    """Whether a column is called as ids are: customer_id, userId, key, pandas' "Unnamed: 0"."""
    return bool(_ID_NAME.search(name) or _CAMEL_ID.search(name))
