"""Which class a label stands for, and the folder that its rows go to."""

from __future__ import annotations

import contextlib
import dataclasses
import urllib.parse
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa

from sampling.errors import SamplingError
from sampling.schema import labels

POSITIVE, NEGATIVE = "positive", "negative"
_MOST_CLASSES = 1000
_FOUND = "="  # before the name of a label whose class is known at the end; in no folder's name
_TRUE, _FALSE = ("1", "1.0", "true"), ("0", "0.0", "-1", "-1.0", "false")


class BadRowError(ValueError):
    """A row that belongs nowhere.

    Attributes:
        row: of the table, from 0.
    """

    def __init__(self, row: int, message: str):
        super().__init__(message)
        self.row = row


@dataclasses.dataclass(frozen=True)
class Classes:
    """Which class a label stands for.

    Args:
        label: the column.
        names: label (as text) -> class.
        others: what of labels that are not among them: None refuses them, "each" makes each a
            class named by its value, "found" takes them for what is left of positive and negative
            when all rows have been seen.
        order: the label's values as a schema says them, in place of names: of two the second is
            positive, and "1.0" is "1".
    """

    label: str
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    others: str | None = None
    order: tuple[str, ...] = ()

    def codes(self, table: pa.Table) -> tuple[np.ndarray, list[str]]:
        """int64 [rows]: the number of each row's class; and the classes' names, sorted.

        Raises:
            BadRowError: a label is empty, or of no class.
            SamplingError: there are too many labels.
        """
        encoded = table.column(self.label).combine_chunks().dictionary_encode()
        labels = encoded.dictionary.cast(pa.string()).to_pylist()
        check_number(len(labels))
        code = encoded.indices.to_numpy()
        named = [self._name(label) for label in labels]
        if None in named:
            unknown = [number for number, name in enumerate(named) if name is None]
            row = int(np.argmax(np.isin(code, unknown)))
            raise BadRowError(row, self._unexpected(labels[code[row]]))
        names = sorted(name for name in set(named) if name is not None)
        numbers = np.array([names.index(name) for name in named if name is not None], np.int64)
        return numbers[code], names

    def check_found(self, classes: Collection[str]) -> None:
        """Raises SamplingError if so many labels can't be positive and negative."""
        found = sorted(_label_of(name) for name in classes if name.startswith(_FOUND))
        open_classes = {POSITIVE, NEGATIVE} - set(self.names.values())
        if len(found) > len(open_classes):
            known = [*map(repr, self.names), *map(repr, found)]
            raise SamplingError(
                f"column {self.label!r}: found the labels {', '.join(known)}, expected two; name "
                "those of either class (--positive=a,b --negative=c), or make each label a class "
                "(--classes=each)"
            )

    def settled(self, rows: Mapping[str, int]) -> dict[str, str]:
        """The class of each name that `codes` gave, now that all rows have been seen.

        Args:
            rows: by that name.

        Raises:
            SamplingError: see `check_found`.
        """
        self.check_found(rows)
        found = sorted(name for name in rows if name.startswith(_FOUND))
        if not found:
            return {}
        for class_ in set(self.names.values()) - set(rows):
            raise SamplingError(
                f"column {self.label!r}: found {' and '.join(repr(_label_of(n)) for n in found)}, "
                f"expected a label of class {class_} among "
                f"{', '.join(repr(n) for n, c in self.names.items() if c == class_)}; fix its name"
            )
        left = [c for c in (POSITIVE, NEGATIVE) if c not in self.names.values()]
        if len(left) == 2:
            positive = _positive({name: rows[name] for name in found})
            found = [name for name in found if name != positive]
            settled = {positive: POSITIVE} if positive else {}
            return {**settled, **dict.fromkeys(found, NEGATIVE)}
        return dict(zip(found, left, strict=False))

    def labels(self, settled: Mapping[str, str], classes: Collection[str]) -> dict[str, list[str]]:
        """class -> its labels, as text."""
        pairs = [*self.names.items(), *zip(self.order, _ordered(self.order), strict=True)]
        pairs += [(_label_of(name), class_) for name, class_ in settled.items()]
        if self.others == "each":
            pairs += [(urllib.parse.unquote(class_), class_) for class_ in classes]
        names = sorted({class_ for _, class_ in pairs})
        return {name: sorted(label for label, class_ in pairs if class_ == name) for name in names}

    def _name(self, label: str | None) -> str | None:
        if label is None or not label.strip():
            return None
        if self.order:
            place = labels.place(label, self.order)
            return None if place is None else _ordered(self.order)[place]
        if label in self.names or self.others is None:
            return self.names.get(label)
        return folder_name(label) if self.others == "each" else _FOUND + folder_name(label)

    def _unexpected(self, label: str | None) -> str:
        if label is None or not label.strip():
            return (
                f"column {self.label!r}: found {label!r}, expected a label; "
                "fill it in, or leave the row out"
            )
        return (
            f"column {self.label!r}: found the label {label!r}, expected one of "
            f"{', '.join(self.order or sorted(self.names))}; fix the row, or say which labels "
            "there are"
        )


def folder_name(label: str) -> str:
    """A label as a name of a folder that is not hidden: "New York" -> "New%20York"."""
    name = urllib.parse.quote(label, safe="")
    return f"%{ord(name[0]):02X}{name[1:]}" if name.startswith((".", "_")) else name


def check_number(classes: int) -> None:
    """Raises SamplingError if so many classes can't be meant."""
    if classes > _MOST_CLASSES:
        raise SamplingError(
            f"found more than {_MOST_CLASSES:,} classes, expected a label with few values; "
            "name the column of the class, or the labels that are expected"
        )


def counts(codes: np.ndarray, names: list[str]) -> dict[str, int]:
    """Rows of each class that has some."""
    rows = np.bincount(codes, minlength=len(names)).tolist()
    return {name: number for name, number in zip(names, rows, strict=False) if number}


def in_order(of_class: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The labels as a schema's classes: negative, positive, or by number or name.

    Empty where a class has several, or there are not two.
    """
    found = [labels[0] for labels in of_class.values() if len(labels) == 1]
    if len(found) < max(2, len(of_class)):
        return ()
    if set(of_class) == {NEGATIVE, POSITIVE}:
        return of_class[NEGATIVE][0], of_class[POSITIVE][0]
    with contextlib.suppress(ValueError):
        return tuple(sorted(found, key=float))
    return tuple(sorted(found))


def _ordered(order: Sequence[str]) -> list[str]:
    """The classes that labels in order stand for."""
    return [NEGATIVE, POSITIVE] if len(order) == 2 else [folder_name(label) for label in order]


def _label_of(name: str) -> str:
    return urllib.parse.unquote(name.removeprefix(_FOUND))


def _positive(rows: Mapping[str, int]) -> str | None:
    """The name that says yes as a number or truth value does, or the rarer of two."""
    spelled = {name: _label_of(name).strip().lower() for name in rows}
    said = [name for name, label in spelled.items() if label in _TRUE]
    if len(said) == 1 and all(spelled[name] in _FALSE for name in rows if name not in said):
        return said[0]
    if len(rows) == 1 and set(spelled.values()) <= set(_FALSE):
        return None
    # Of equally many the later one: "yes" rather than "no".
    return min(Counter(rows).items(), key=lambda pair: (pair[1], [-ord(c) for c in pair[0]]))[0]
