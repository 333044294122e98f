"""From the text of a flag to its value.

A value that is out of range is refused while it is parsed: argparse puts the flag's name before
the sentence.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any

Parse = Callable[[str], Any]


def whole(at_least: int, word: str | Sequence[str] = "") -> Parse:
    """ "64" -> 64; `word` is a text that is taken too, such as "auto", or several."""
    words = _words(word)
    expected = ", or ".join([f"a whole number of at least {at_least}", *map(repr, words)])

    def parse(text: str) -> int | str:
        if text in words:
            return text
        if not text.strip().lstrip("+-").isdecimal() or int(text) < at_least:
            raise _refused(text, expected)
        return int(text)

    return parse


def number(
    above: float, below: float = math.inf, or_equal: bool = False, word: str | Sequence[str] = ""
) -> Parse:
    """ "0.5" -> 0.5; `or_equal` admits the lower bound, `word` texts such as "auto"."""
    words = _words(word)
    expected = f"a number {'of at least' if or_equal else 'above'} {above:g}"
    expected += f" and below {below:g}" if below < math.inf else ""

    def parse(text: str) -> float | str:
        if text in words:
            return text
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (value > above or (or_equal and value == above)) or not value < below:
            raise _refused(text, ", or ".join([expected, *map(repr, words)]))
        return value

    return parse


def names(text: str) -> list[str]:
    """ "a,b" -> ["a", "b"]"""
    return [name.strip() for name in text.split(",") if name.strip()]


def exact_names(text: str) -> list[str]:
    """ " >50K,<=50K" -> [" >50K", "<=50K"], blanks and all"""
    return [name for name in text.split(",") if name.strip()]


def whole_numbers(at_least: int) -> Parse:
    """ "64,32" -> [64, 32]"""

    def parse(text: str) -> list[int]:
        return [whole(at_least)(part) for part in text.split(",")]

    return parse


def fractions(text: str) -> dict[str, float]:
    """ "train=0.9,test=0.1" -> {"train": 0.9, "test": 0.1}"""
    pairs = [part.partition("=") for part in names(text)]
    try:
        return {name: float(value) for name, _, value in pairs}
    except ValueError:
        raise _refused(text, "names and fractions such as train=0.9,test=0.1") from None


def renames(text: str) -> dict[str, str]:
    """ "Class:label,V1:v1" -> {"Class": "label", "V1": "v1"}"""
    pairs = [part.partition(":") for part in names(text)]
    if not all(old.strip() and new.strip() for old, _, new in pairs):
        raise _refused(text, "old and new names such as Class:label,V1:v1")
    return {old.strip(): new.strip() for old, _, new in pairs}


def delimiter(text: str) -> str:
    r""" ";" -> ";", "\t" and "tab" -> a tab."""
    text = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(text) != 1 or not text.isascii() or text in '"\r\n':
        raise _refused(text, "one ASCII character, or tab")
    return text


def character(text: str) -> str:
    """ "!" -> "!" """
    if len(text) != 1 or not text.isascii() or text in '"\r\n':
        raise _refused(text, "one ASCII character")
    return text


def null_values(text: str) -> list[str]:
    """ "NA,NULL" -> ["", "NA", "NULL"]"""
    return ["", *names(text)]


def class_globs(text: str) -> dict[str, list[str]]:
    """ "a=train/0/*.csv,b=train/1/*.csv" -> {"a": ["train/0/*.csv"], "b": ["train/1/*.csv"]}"""
    found: dict[str, list[str]] = {}
    for part in text.split(","):
        label, _, path = part.partition("=")
        if not label.strip() or not path.strip():
            raise _refused(part, "a label and its files such as water=train/0/*.csv")
        found.setdefault(label, []).append(path.strip())
    return found


def _words(word: str | Sequence[str]) -> list[str]:
    return [word] if isinstance(word, str) and word else list(word)


def _refused(text: str, expected: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"found {text!r}, expected {expected}; fix it")
