"""What values look like: whole numbers, fractions, dates, words for yes and no, text."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Numbers, which INTEGER or FLOAT can hold:
WHOLE = "whole"  # 17
POINT_ZERO = "point zero"  # 17.0
LARGE = "large"  # 16777217: whole, and float32 has no such number
FRACTION = "fraction"  # 0.5, 1e-7
NUMBERS = (WHOLE, POINT_ZERO, LARGE, FRACTION)
# Numbers that would not be what they were:
BIG = "big"  # whole, beyond 64 bits
ZEROS = "zeros"  # 007
HUGE = "huge"  # beyond float32
# Numbers in a spelling that is not read as one:
COMMA = "comma"  # 3,14
GROUPED = "grouped"  # 1,234,567 or 1.234.567,00
UNIT = "unit"  # $5, 12 %, +3
# Others:
DATE, DATETIME, TIMESTAMP, TIME = "DATE", "DATETIME", "TIMESTAMP", "TIME"
TRUE, FALSE = "true", "false"
WORDS = ((TRUE, FALSE), ("t", "f"), ("yes", "no"), ("y", "n"))
NAN = "nan"  # which is missing among numbers
NOTHING = "nothing"  # what people write where there is no value
TEXT = "text"

_SHAPES = (
    *(TEXT, NAN, NOTHING, *NUMBERS, BIG, ZEROS, HUGE, COMMA, GROUPED, UNIT),
    *(DATE, DATETIME, TIMESTAMP, TIME, *(word for pair in WORDS for word in pair)),
)
_CODES = {shape: code for code, shape in enumerate(_SHAPES)}
_FLOAT32_WHOLE, _FLOAT32_MAX, _INT64_END = 2**24, float(np.finfo(np.float32).max), 2.0**63
_BLANKS = " \t"  # what CSV readers take away around numbers

_WHOLE = r"-?(?:0|[1-9][0-9]*)"
_NUMBER = (
    rf"(?:{_WHOLE}(?:\.[0-9]*)?|-?\.[0-9]+|\+[0-9]*\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|\+[0-9]+[eE][+-]?[0-9]+"
)
_DAY, _CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
_NOTHING = (
    r"(?i)\s*|na|n/a|#n/a|<na>|null|\(null\)|none|nil|nan|\\n|-+|\?|\.|missing|[+-]?inf(?:inity)?"
)
_MONEY = r"(?:[$€£¥]|USD|EUR|GBP)?"
_GROUPS = (
    r"[0-9]{1,3}(?:(?:,[0-9]{3})+(?:\.[0-9]+)?|(?:\.[0-9]{3})+(?:,[0-9]+)?"
    r"|(?:[ \x{a0}\x{202f}'][0-9]{3})+(?:[.,][0-9]+)?)"
)
_AMOUNT = rf"(?:{_GROUPS}|[0-9]+(?:[.,][0-9]+)?)"
# The first that fits is a text's shape.
_PATTERNS = (
    (FRACTION, _NUMBER),  # or whole, on a closer look
    (TIME, _CLOCK),
    (DATE, _DAY),
    (DATETIME, rf"{_DAY}[ T]{_CLOCK}"),
    (TIMESTAMP, rf"{_DAY}[ T]{_CLOCK} ?(?:Z|UTC|[+-][0-9]{{2}}:?(?:[0-9]{{2}})?)"),
    *((word, f"{word}|{word.title()}|{word.upper()}") for pair in WORDS for word in pair),
    (NAN, "-?nan|-?NaN|NAN"),
    (NOTHING, _NOTHING),
    (ZEROS, r"-?0[0-9]+(?:\.[0-9]*)?"),
    (GROUPED, rf"-?{_GROUPS}"),
    (COMMA, r"-?[0-9]+,[0-9]+"),
    (UNIT, rf"[+-]?{_MONEY} ?[+-]?{_AMOUNT} ?(?:{_MONEY}|%)|\([0-9.,]+\)"),
)
_LOOKED_AT = 1_000  # distinct texts of a chunk


class Shaped(NamedTuple):
    """Distinct values, and what they are.

    Args:
        shape: int8 [values], places in `_SHAPES`.
        values: the values, or what they are called already, see `names`.
        is_whole: bool [values]: whether the value is a number in `wholes`.
        is_other: bool [values]: whether it is a number in `floats` and not in `wholes`.
        wholes: int64 [values], 0 where it is none.
        floats: float64 [values], NaN where it is none.
        is_padded: bool [values]: whether a number has blanks around it.
    """

    shape: np.ndarray
    values: pa.Array
    is_whole: np.ndarray
    is_other: np.ndarray
    wholes: np.ndarray
    floats: np.ndarray
    is_padded: np.ndarray

    def rows(self, counts: np.ndarray) -> dict[str, int]:
        """Rows of each shape.

        Args:
            counts: int64 [values], rows of each value.
        """
        sums = np.bincount(self.shape, weights=counts, minlength=len(_SHAPES)).astype(np.int64)
        return {_SHAPES[code]: int(sums[code]) for code in np.flatnonzero(sums)}

    def names(self, places: np.ndarray) -> pa.Array:
        """What some values are called: texts as they are, numbers as 17 and 0.5, without blanks."""
        at = pa.array(places)
        values = self.values.take(at)
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            return values
        wholes = pa.array(self.wholes[places]).cast(pa.string())
        return pc.if_else(pa.array(self.is_whole[places]), wholes, values.cast(pa.string()))

    def of(self, shape: str) -> np.ndarray:
        """int64: the places of values of a shape."""
        return np.flatnonzero(self.shape == _CODES[shape])


def of_integers(values: pa.Array) -> Shaped:
    """Of distinct integers without a null."""
    if pa.types.is_uint64(values.type) and pc.max(values).as_py() >= 2**63:
        return of_texts(values.cast(pa.string()))
    wholes = values.cast(pa.int64()).to_numpy()
    return _of_wholes(wholes, values, np.zeros(len(wholes), bool))


def of_floats(values: pa.Array) -> Shaped:
    """Of distinct floats, neither null nor NaN."""
    floats = values.cast(pa.float64()).to_numpy()
    is_whole = (np.floor(floats) == floats) & (np.abs(floats) < _INT64_END)
    wholes = np.where(is_whole, floats, 0).astype(np.int64)
    if is_whole.all():
        return _of_wholes(wholes, values, np.zeros(len(floats), bool))
    shape = np.where(np.abs(wholes) > _FLOAT32_WHOLE, _CODES[LARGE], _CODES[WHOLE])
    shape = np.where(is_whole, shape, _CODES[FRACTION])
    shape[np.abs(floats) > _FLOAT32_MAX] = _CODES[HUGE]
    nothing = np.zeros(len(floats), bool)
    return Shaped(shape.astype(np.int8), values, is_whole, ~is_whole, wholes, floats, nothing)


def of_texts(raw: pa.Array, decimal: str = ".") -> Shaped:
    """Of distinct texts, neither null nor empty.

    Args:
        decimal: what stands before a number's fraction.
    """
    texts, is_padded = _trimmed(raw)
    if decimal != ".":
        texts = _with_point(texts, decimal)
    has_zeros = _has_leading_zeros(texts)
    wholes = None if has_zeros else _all(texts, pa.int64())
    if wholes is not None:
        return _of_wholes(wholes, texts, is_padded)
    floats = None if has_zeros else _all(texts, pa.float64())
    if floats is not None and np.isfinite(floats).all() and _fits(texts[:1], _NUMBER).all():
        shape = np.full(len(raw), _CODES[FRACTION])
    else:
        floats, shape = np.full(len(raw), np.nan), np.full(len(raw), _CODES[TEXT])
        _look_closer(raw, texts, shape)
        some = np.flatnonzero(shape == _CODES[FRACTION])
        floats[some] = texts.take(pa.array(some)).cast(pa.float64()).to_numpy()
    is_number = shape == _CODES[FRACTION]
    shape[is_number & (np.abs(floats) > _FLOAT32_MAX)] = _CODES[HUGE]
    wholes, is_whole = _wholes(texts, floats, shape)
    is_other = is_number & ~is_whole & (shape != _CODES[BIG])
    is_padded &= is_number
    if texts is not raw:
        texts = pc.if_else(pa.array(is_number), texts, raw)
    if (shape == _CODES[POINT_ZERO]).any():
        texts = pc.if_else(pa.array(is_whole), pa.array(wholes).cast(pa.string()), texts)
    return Shaped(shape.astype(np.int8), texts, is_whole, is_other, wholes, floats, is_padded)


def number_of(text: str) -> int | float | None:
    """The number that a value's name (see `Shaped.names`) stands for; None: it is a text."""
    if re.fullmatch(_WHOLE, text):
        whole = int(text)
        return whole if -(2**63) <= whole < 2**63 else None
    return float(text) if re.fullmatch(_NUMBER, text) else None


def _of_wholes(wholes: np.ndarray, values: pa.Array, is_padded: np.ndarray) -> Shaped:
    is_large = (wholes > _FLOAT32_WHOLE) | (wholes < -_FLOAT32_WHOLE)
    shape = np.where(is_large, _CODES[LARGE], _CODES[WHOLE]).astype(np.int8)
    everything = np.ones(len(wholes), bool)
    floats = wholes.astype(np.float64)
    return Shaped(shape, values, everything, ~everything, wholes, floats, is_padded)


def _trimmed(raw: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Texts without the blanks around them, and bool [texts]: which have any."""
    text = raw.buffers()[2]
    if text is None or not any(blank.encode() in text.to_pybytes() for blank in _BLANKS):
        return raw, np.zeros(len(raw), bool)
    texts = pc.utf8_trim(raw, characters=_BLANKS)
    return texts, pc.not_equal(texts, raw).to_numpy(zero_copy_only=False)


def _with_point(texts: pa.Array, decimal: str) -> pa.Array:
    """`1.234,5` -> `1,234.5`"""
    for old, new in ((".", "\0"), (decimal, "."), ("\0", ",")):
        texts = pc.replace_substring(texts, old, new)
    return texts


def _has_leading_zeros(texts: pa.Array) -> bool:
    """Whether a text is as 007, or 0x1F, which a parser takes for a whole number."""
    candidates = pc.or_(pc.starts_with(texts, "0"), pc.starts_with(texts, "-0"))
    return bool(_fits(texts.filter(candidates), "-?0[0-9xX].*").any())


def _all(texts: pa.Array, type_: pa.DataType) -> np.ndarray | None:
    """Texts as numbers; None: one is none."""
    try:
        texts[:_LOOKED_AT].cast(type_)  # to fail takes longer with all
        return texts.cast(type_).to_numpy()
    except pa.ArrowInvalid:
        return None


def _wholes(
    texts: pa.Array, floats: np.ndarray, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """int64 and bool [texts]: the numbers that are written as whole ones; tells their shapes."""
    wholes, is_whole = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
    with np.errstate(invalid="ignore"):
        places = np.flatnonzero((np.floor(floats) == floats) & (shape == _CODES[FRACTION]))
    numbers = texts.take(pa.array(places))
    named = pc.replace_substring_regex(numbers, r"^(-?[0-9]+)\.0+$", r"\1")
    is_candidate = _fits(named, _WHOLE)
    is_long = pc.greater_equal(pc.utf8_length(named), 19).to_numpy(zero_copy_only=False)
    for place in np.flatnonzero(is_candidate & is_long):  # too long to be sure, and rare
        if not -(2**63) <= int(named[place].as_py()) < 2**63:
            is_candidate[place] = False
            shape[places[place]] = _CODES[BIG]
    at = places[is_candidate]
    wholes[at] = named.filter(pa.array(is_candidate)).cast(pa.int64()).to_numpy()
    is_whole[at] = True
    has_point = pc.not_equal(named, numbers).to_numpy(zero_copy_only=False)[is_candidate]
    is_large = (wholes[at] > _FLOAT32_WHOLE) | (wholes[at] < -_FLOAT32_WHOLE)
    shape[at] = np.where(has_point, _CODES[POINT_ZERO], _CODES[WHOLE])
    shape[at[is_large]] = _CODES[LARGE]
    return wholes, is_whole


def _look_closer(raw: pa.Array, texts: pa.Array, shape: np.ndarray) -> None:
    """Tells the shapes of texts; if the first thousand are just text, so are the others."""
    first, others = np.split(np.arange(len(raw)), [_LOOKED_AT])
    _tell(raw[:_LOOKED_AT], texts[:_LOOKED_AT], first, shape)
    if (shape[first] == _CODES[TEXT]).sum() <= _LOOKED_AT // 10:
        _tell(raw[_LOOKED_AT:], texts[_LOOKED_AT:], others, shape)


def _tell(raw: pa.Array, texts: pa.Array, places: np.ndarray, shape: np.ndarray) -> None:
    """Tells the shapes of texts by the first pattern that fits."""
    for name, pattern in _PATTERNS:
        if not len(places):
            return
        if name == TIME:  # patterns from here on are for what is no number
            texts = pc.utf8_trim(raw, characters=_BLANKS)
        fits = _fits(texts, pattern)
        if fits.any():
            shape[places[fits]] = _CODES[name]
            keep = pa.array(~fits)
            places, texts, raw = places[~fits], texts.filter(keep), raw.filter(keep)


def _fits(texts: pa.Array, pattern: str) -> np.ndarray:
    """bool [texts]: whether the whole of each is of the pattern."""
    flags = "(?i)" if pattern.startswith("(?i)") else ""
    whole = f"{flags}^(?:{pattern.removeprefix('(?i)')})$"
    return pc.match_substring_regex(texts, whole).to_numpy(zero_copy_only=False)
