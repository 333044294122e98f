"""What is known of columns -> their fields: types that lose nothing, kinds, and remarks."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sampling.errors import SamplingError
from sampling.schema import kinds, labels, shapes
from sampling.schema.field import Field
from sampling.schema.inferring.sketch import ColumnSketch
from sampling.schema.roles import WEIGHT_FEATURE
from sampling.schema.schema import Schema
from sampling.schema.statistics import ColumnStatistics

_NEARLY_ALL = 0.9  # of the values, to be numbers in another spelling, or texts that are distinct
_UNIQUE = 0.97  # of whole numbers, to be ids; the number of distinct ones is estimated
_MANY = 1000  # rows from which on numbers that are all distinct can't be by chance
_SOME = 50  # the same for texts
_FEW = 100  # distinct values of a label that are classes
_DOUBLE_WHOLE = 2**53  # up to which a double has every whole number
_DATES = (shapes.DATE, shapes.DATETIME, shapes.TIMESTAMP, shapes.TIME)


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What is asked for, whatever the values say.

    Args:
        label, weight: as in `Schema`.
        key: columns that rows are known by; they are ids.
        ids, categories, numbers, dates: columns of that kind.
        drop: columns to leave out.
        rename: new names by old ones. Columns may be asked for by either.

    Raises:
        SamplingError: a column has two kinds.
    """

    label: str | None = None
    weight: str | None = None
    key: Sequence[str] = ()
    ids: Sequence[str] = ()
    categories: Sequence[str] = ()
    numbers: Sequence[str] = ()
    dates: Sequence[str] = ()
    drop: Sequence[str] = ()
    rename: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def renamed(self, names: Collection[str], of_paths: Collection[str]) -> Wishes:
        """The same with the files' own names throughout.

        Args:
            names: of the files' columns.
            of_paths: those among them that folders are called by.

        Raises:
            SamplingError: a new name is a column's already, or two columns'.
        """
        new = list(self.rename.values())
        for old, name in self.rename.items():
            if name in names or new.count(name) > 1 or not name.strip():
                raise SamplingError(
                    f"column {old!r} is to be called {name!r}, expected a name that no other "
                    "column has; choose another one"
                )
            if old in of_paths:
                raise SamplingError(
                    f"column {old!r} is to be called {name!r} and is in the names of folders, "
                    "expected one within files; rename the folders, or leave it"
                )
        old_names: dict[Any, str] = {name: old for old, name in self.rename.items()}

        def own(wished: Any) -> Any:
            if wished is None or isinstance(wished, str):
                return old_names.get(wished, wished)
            return tuple(map(own, wished))

        lists = ("label", "weight", "key", "ids", "categories", "numbers", "dates", "drop")
        return dataclasses.replace(self, **{name: own(getattr(self, name)) for name in lists})

    def kinds(self) -> dict[str, str]:
        """Of the columns of which it is asked for."""
        wished: dict[str, str] = {}
        named = {
            "id": (*self.key, *self.ids),
            "category": self.categories,
            "number": self.numbers,
            "date": self.dates,
        }
        for kind, names in named.items():
            for name in names:
                if wished.setdefault(name, kind) != kind:
                    raise SamplingError(
                        f"column {name!r} is to be of kind {wished[name]} and of kind {kind}, "
                        "expected one; name it once"
                    )
        return wished

    def check(self, names: Collection[str]) -> None:
        """Raises SamplingError if a column that is asked for is none of those."""
        roles = [name for name in (self.label, self.weight) if name is not None]
        for name in (*roles, *self.kinds(), *self.drop, *self.rename):
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                remedy = f"did you mean {near[0]!r}?" if near else "fix the name"
                raise SamplingError(
                    f"there is no column {name!r}, expected one of {', '.join(names)}; {remedy}"
                )


def schema_of(
    columns: Mapping[str, ColumnSketch],
    wishes: Wishes,
    *,
    delimiter: str | None = None,
    is_examples: bool = False,
    of_paths: Collection[str] = (),
) -> Schema:
    """The schema of columns that have been looked at, with their statistics.

    Args:
        columns: in the order of the files.
        wishes: what is asked for.
        delimiter: of text, in which no type is said; None: the files say what is a number.
        is_examples: whether they are TFRecords, in which every value is a list.
        of_paths: columns whose values are in the names of folders, as text.

    Raises:
        SamplingError: a column that is asked for is not there or can't be of its kind, or none is
            left.
    """
    wishes = wishes.renamed(columns, of_paths)
    if (
        wishes.weight is None
        and wishes.label != WEIGHT_FEATURE
        and WEIGHT_FEATURE in columns
        and WEIGHT_FEATURE not in wishes.rename
    ):
        wishes = dataclasses.replace(wishes, weight=WEIGHT_FEATURE)  # no feature can be called so
    wishes.check(columns)
    wished = wishes.kinds()
    fields, statistics = [], {}
    classes: tuple[str, ...] = ()
    for name, column in columns.items():
        if name in wishes.drop:
            continue
        if is_examples and column.lengths and column.lengths[1] <= 1:
            column = dataclasses.replace(column, lengths=None)
        type_, remarks = _type(column, delimiter or ("/" if name in of_paths else None))
        known = column.statistics()
        if name in (wishes.label, wishes.weight):
            kind = None
            if name == wishes.label:
                classes, more = _classes(type_, column, known)
                remarks += more
                type_ = "STRING" if classes and not column.is_numeric else type_
        elif name in wished:
            kind = wished[name]
            _check_wish(name, kind, type_, known)
        else:
            kind, more = _kind(name, type_, column, known)
            remarks += more
        new = wishes.rename.get(name)
        field = _field(new or name, type_, kind, column)
        fields.append(dataclasses.replace(field, alias=name) if new else field)
        statistics[field.name] = dataclasses.replace(known, remarks=tuple(remarks))
    label, weight = (wishes.rename.get(r or "", r) for r in (wishes.label, wishes.weight))
    return Schema(tuple(fields), label, weight, (), statistics, classes)


def _field(name: str, type_: str, kind: str | None, column: ColumnSketch) -> Field:
    if column.lengths is None:
        return Field(name, type_, kind=kind)
    shortest, longest = column.lengths
    if shortest == longest > 0:
        return Field(name, type_, length=longest, kind=kind)
    return Field(name, type_, "REPEATED", kind=kind)


def _type(column: ColumnSketch, delimiter: str | None) -> tuple[str, list[str]]:
    """A type that has every value as it is, and what to say of it."""
    families, found = column.families, set(column.shapes)
    if not column.present:
        return "STRING", ["no value in it; drop it"]
    if families <= {"int", "float", "decimal"}:
        return _number_type(column)
    if families == {"bool"}:
        return "BOOLEAN", []
    if families == {"text"} and delimiter:
        if column.is_numeric:
            return _number_type(column)
        if found in [set(pair) for pair in shapes.WORDS]:
            return "BOOLEAN", []
    if families == {"bytes"}:
        return "BYTES", []
    if found <= set(_DATES):
        return _date_type(found), []
    return "STRING", _of_text(column, delimiter)


def _number_type(column: ColumnSketch) -> tuple[str, list[str]]:
    found, families = set(column.shapes), column.families
    remarks = []
    if column.padded:
        remarks.append("blanks around, left out")
    if shapes.BIG in found:
        return "STRING", ["whole numbers beyond 64 bits, kept as text"]
    if shapes.FRACTION not in found and shapes.HUGE not in found:
        greatest = max(abs(column.numbers.least), abs(column.numbers.greatest))
        if "decimal" in families and greatest > _DOUBLE_WHOLE:
            return "STRING", ["decimals of more digits than numbers have, kept as text"]
        return "INTEGER", remarks
    if shapes.HUGE in found:
        remarks.append(f"beyond float32 ({_rows(column.shapes[shapes.HUGE])}), an error to read")
    if shapes.LARGE in found:
        remarks.append(
            f"whole numbers above 2^24 ({_rows(column.shapes[shapes.LARGE])}) among fractions: "
            "rounded to 7 digits, as float32 has them"
        )
    return "NUMERIC" if families == {"decimal"} else "FLOAT", remarks


def _date_type(found: set[str]) -> str:
    """The type of dates and times of several spellings; all are read as text."""
    if len(found) == 1:
        return next(iter(found))
    if shapes.TIME in found:
        return "STRING"
    return shapes.DATETIME if shapes.TIMESTAMP not in found else shapes.TIMESTAMP


def _of_text(column: ColumnSketch, delimiter: str | None) -> list[str]:
    """What to say of text that may have been meant as something else."""
    rows = column.shapes
    numbers = sum(rows[shape] for shape in shapes.NUMBERS)
    alike = (shapes.COMMA, shapes.GROUPED, shapes.UNIT, shapes.HUGE, shapes.BIG, shapes.ZEROS)
    look_alike = sum(rows[shape] for shape in alike)
    nothing = rows[shapes.NOTHING] + rows[shapes.NAN]
    if numbers + look_alike + nothing < _NEARLY_ALL * column.present:
        return []
    remarks = []
    if rows[shapes.ZEROS]:
        remarks.append(f"numbers with leading zeros ({_rows(rows[shapes.ZEROS])}), kept as text")
    if rows[shapes.BIG]:
        remarks.append(f"numbers beyond 64 bits ({_rows(rows[shapes.BIG])}), kept as text")
    if rows[shapes.HUGE]:
        remarks.append(f"numbers beyond float32 ({_rows(rows[shapes.HUGE])}), kept as text")
    if rows[shapes.COMMA]:
        remedy = (
            "kept as text: write a point" if delimiter in (None, ",") else "--decimal=, reads them"
        )
        remarks.append(f"numbers with a decimal comma ({column.example}), {remedy}")
    elif rows[shapes.GROUPED]:
        remarks.append(f"numbers in groups ({column.example}), kept as text: write plain digits")
    if rows[shapes.UNIT]:
        remarks.append(f"numbers with signs ({column.example}), kept as text: write plain digits")
    if nothing and (numbers or remarks):
        spelled = ",".join(spelling.strip() for spelling in column.nothings)
        remarks.append(
            f"numbers but for {', '.join(map(repr, column.nothings))} ({_rows(nothing)}): "
            + (f"--null_values={spelled} reads them" if spelled else "leave these fields empty")
        )
    if not remarks and numbers and delimiter is None:
        remarks.append("numbers that are text in the files: convert the column to have numbers")
    return remarks


def _kind(
    name: str, type_: str, column: ColumnSketch, known: ColumnStatistics
) -> tuple[str | None, list[str]]:
    """What a column is to a model, where nobody says so; None: what its type is."""
    if column.lengths or not known.present:
        return None, []
    share = known.distinct / known.present
    is_called_id = kinds.is_id_name(name)
    enough = known.present >= (_SOME if type_ == "STRING" else _MANY)
    if type_ == "STRING" and share >= _NEARLY_ALL and (enough or is_called_id):
        return "id", ["nearly every text is another: taken for an id"]
    if type_ == "INTEGER" and column.numbers.least >= 0:
        if share >= _UNIQUE and (enough or is_called_id):
            return "id", ["nearly every number is another: taken for an id"]
        if is_called_id:
            return "category", ["called as ids are: taken for a category"]
    if known.distinct == 1 and not known.missing:
        return None, ["one value only"]
    return None, []


def _check_wish(name: str, kind: str, type_: str, known: ColumnStatistics) -> None:
    if kind == "number" and kinds.of_type(type_) != "number":
        example = next(iter(known.values), "")
        raise SamplingError(
            f"column {name!r} is to be of kind number and holds text such as {example!r}, expected "
            "numbers; see the remarks on it without the wish, or leave it a category"
        )
    if kind == "date" and type_ not in (*_DATES, "STRING", "INTEGER"):
        raise SamplingError(
            f"column {name!r} is to be of kind date and is of type {type_}, expected dates as text "
            "or whole numbers; leave the wish out"
        )


def _classes(
    type_: str, column: ColumnSketch, known: ColumnStatistics
) -> tuple[tuple[str, ...], list[str]]:
    """The values of a label in order, the positive one of two last, and what to say of it.

    There are none where labels are the places of their classes already, from 0, or are a number to
    be predicted.
    """
    remarks = [f"missing in {_rows(known.missing)}"] if known.missing else []
    if known.distinct < 2:
        return (), [*remarks, "one class only: nothing can be learned"]
    if kinds.of_type(type_) == "date" or known.distinct > _FEW:
        return (), [*remarks, "more values than classes have: is it the label?"]
    names = sorted(known.values)
    are_places = set(names) == {"0", "1"} or column.families == {"bool"}
    is_number = type_ in ("FLOAT", "NUMERIC") or (column.is_numeric and len(names) > 2)
    if are_places or is_number:
        return (), remarks
    if len(names) == 2:
        names.sort(key=lambda name: (_is_true(name), -known.values[name]))
        remarks.append(f"{names[1].strip()!r} is taken for the positive class")
    try:
        return labels.checked_classes(names, ""), remarks
    except SamplingError as error:
        return (), [*remarks, str(error)]


def _is_true(name: str) -> bool:
    return name.strip().lower() in ("1", "1.0", "true")


def _rows(number: int) -> str:
    return f"{number:,} row{'s' * (number != 1)}"
