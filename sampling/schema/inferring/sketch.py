"""A column in one pass: what it holds, mergeable, of the same size however many rows there are."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling.schema import shapes
from sampling.schema.inferring.values import Values
from sampling.schema.shapes import Shaped
from sampling.schema.statistics import LEVELS, ColumnStatistics

MOST_VALUES, MOST_NUMBERS = 1000, 20  # that statistics name
_NOTHINGS = 10  # spellings of no value that are told apart
_SHOWN = 40  # characters of a value in a remark


@dataclasses.dataclass
class Moments:
    """Count, mean and sum of squared deviations of numbers, and the least and the greatest."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    least: int | float = math.inf
    greatest: int | float = -math.inf

    @classmethod
    def of(cls, shaped: Shaped, counts: np.ndarray) -> Moments:
        is_number = shaped.is_whole | shaped.is_other
        if not is_number.any():
            return cls()
        values, counts = shaped.floats[is_number], counts[is_number]
        with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 they are no numbers
            mean = float(np.average(values, weights=counts))
            squares = float(((values - mean) ** 2 * counts).sum())
        ends: list[int | float] = []
        for some in (shaped.wholes[shaped.is_whole], shaped.floats[shaped.is_other]):
            ends += [some.min().item(), some.max().item()] if len(some) else []
        return cls(int(counts.sum()), mean, squares, min(ends), max(ends))

    def merge(self, other: Moments) -> None:
        count = self.count + other.count
        if other.count:
            step = other.mean - self.mean
            self.mean += step * other.count / count
            self.squares += other.squares + step * step * self.count * other.count / count
        self.count = count
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)


@dataclasses.dataclass
class ColumnSketch:
    """What is known of a column's rows so far.

    Attributes:
        rows: how many there are.
        missing: how many of them have no value.
        families: what the files say that the values are: text, int, float, bool, decimal, bytes,
            or a type of dates.
        shapes: rows of each shape (see `shapes`), of lists values.
        nothings: rows of each spelling of no value that is not taken for one.
        padded: rows of numbers with blanks around them.
        lengths: of the shortest and the longest list; None: they are no lists.
        values: distinct ones, their counts and quantiles.
        numbers: moments of those that are numbers.
        first, last: of the texts, in the order of their characters; "" where there is none.
        example: a value that is not read as a number although it looks like one.
    """

    rows: int = 0
    missing: int = 0
    families: set[str] = dataclasses.field(default_factory=set)
    shapes: Counter[str] = dataclasses.field(default_factory=Counter)
    nothings: Counter[str] = dataclasses.field(default_factory=Counter)
    padded: int = 0
    lengths: tuple[int, int] | None = None
    values: Values = dataclasses.field(default_factory=Values)
    numbers: Moments = dataclasses.field(default_factory=Moments)
    first: str = ""
    last: str = ""
    example: str = ""

    @classmethod
    def of(
        cls, column: pa.ChunkedArray, null_values: Collection[str] = (), decimal: str = "."
    ) -> ColumnSketch:
        """That of a chunk.

        Args:
            column: of any type but structs and maps.
            null_values: texts that stand for no value; the empty one always does, and NaN in words
                among numbers.
            decimal: what stands before the fraction of a number that is text.
        """
        made = cls(rows=len(column))
        array = column.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0)
        if is_list(array.type):
            lengths = pc.fill_null(pc.list_value_length(array), 0)
            made.lengths = (pc.min(lengths).as_py() or 0, pc.max(lengths).as_py() or 0)
            made.missing = pc.sum(pc.equal(lengths, 0)).as_py() or 0
            array = array.flatten()
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        made._look(array, {"", *null_values}, decimal)
        return made

    def merge(self, other: ColumnSketch) -> None:
        """Adds other rows, which come after these."""
        self.rows += other.rows
        self.missing += other.missing
        self.families |= other.families
        self.shapes += other.shapes
        self.nothings = Counter(dict((self.nothings + other.nothings).most_common(_NOTHINGS)))
        self.padded += other.padded
        if other.lengths:
            ends = [*(self.lengths or ()), *other.lengths]
            self.lengths = min(ends), max(ends)
        self.values.merge(other.values)
        self.numbers.merge(other.numbers)
        self.first = min(filter(None, (self.first, other.first)), default="")
        self.last = max(self.last, other.last)
        self.example = self.example or other.example

    @property
    def present(self) -> int:
        """Rows (of lists values) that have a value."""
        return sum(self.shapes.values())

    @property
    def is_numeric(self) -> bool:
        """Whether all values are numbers of 64 bits or of float32, and there is one."""
        return self.present > 0 and set(self.shapes) <= set(shapes.NUMBERS)

    def statistics(self, most_values: int | None = None) -> ColumnStatistics:
        """As it stands.

        Args:
            most_values: how many of the most frequent values to name; None: 20 of numbers, 1,000 of
                others.
        """
        is_numeric = self.is_numeric
        if most_values is None:
            most_values = MOST_NUMBERS if is_numeric else MOST_VALUES
        known = ColumnStatistics(
            self.rows,
            self.missing,
            min(self.values.distinct, self.present),
            self.values.is_exact,
            self.values.frequent(most_values),
            minimum=self.first or None,
            maximum=self.last or None,
        )
        if not is_numeric:
            return known
        quantiles = self.values.quantiles(LEVELS)
        if shapes.FRACTION not in self.shapes:
            quantiles = [round(value) for value in quantiles]
        quantiles[0], quantiles[-1] = self.numbers.least, self.numbers.greatest
        return dataclasses.replace(
            known,
            minimum=self.numbers.least,
            maximum=self.numbers.greatest,
            mean=self.numbers.mean,
            deviation=math.sqrt(self.numbers.squares / self.numbers.count),
            quantiles=dict(zip(LEVELS, quantiles, strict=True)),
        )

    def _look(self, array: pa.Array, null_values: set[str], decimal: str) -> None:
        """Takes in the values themselves."""
        if array.null_count == len(array):
            self.missing = self.missing if self.lengths else len(array)
            return
        family = family_of(array.type)
        encoded = array.dictionary_encode()
        counts = np.bincount(
            encoded.indices.drop_null().to_numpy(), minlength=len(encoded.dictionary)
        )
        values, missing = encoded.dictionary, array.null_count
        if family in ("text", "bytes", "bool", "decimal") or family in _TIMES:
            values, family = _as_text(values, family)
            is_missing = np.zeros(len(values), bool)
            found = [pc.index(values, pa.scalar(null, values.type)) for null in sorted(null_values)]
            is_missing[[place for index in found if (place := index.as_py()) >= 0]] = True
        elif family == "float":
            is_missing = pc.is_nan(values).to_numpy(zero_copy_only=False)
        else:
            is_missing = np.zeros(len(values), bool)
        if is_missing.any():
            missing += int(counts[is_missing].sum())
            values, counts = values.filter(pa.array(~is_missing)), counts[~is_missing]
        if self.lengths is None:
            self.missing = missing
        if len(values):
            self.families.add(family)
            self._take(values, counts, family, decimal)

    def _take(self, values: pa.Array, counts: np.ndarray, family: str, decimal: str) -> None:
        if family == "int":
            shaped = shapes.of_integers(values)
        elif family == "float":
            shaped = shapes.of_floats(values)
        else:
            shaped = shapes.of_texts(values, decimal if family == "text" else ".")
            nan = shaped.of(shapes.NAN)
            if len(nan) and set(shaped.rows(counts)) <= {shapes.NAN, *shapes.NUMBERS}:
                self.missing += int(counts[nan].sum()) if self.lengths is None else 0
                others = np.setdiff1d(np.arange(len(values)), nan)
                if len(others):
                    self._take(values.take(pa.array(others)), counts[others], family, decimal)
                return
        self.shapes = Counter(shaped.rows(counts))
        self.padded = int(counts[shaped.is_padded].sum())
        self.values = Values.of(shaped, counts)
        self.numbers = Moments.of(shaped, counts)
        if self.is_numeric or family in ("int", "float"):
            return
        ends = pc.min_max(shaped.values)
        self.first, self.last = (ends[end].as_py()[:_SHOWN] for end in ("min", "max"))
        nothing = shaped.of(shapes.NOTHING)[:_NOTHINGS]
        spellings = values.take(pa.array(nothing)).to_pylist()
        self.nothings = Counter(dict(zip(spellings, counts[nothing].tolist(), strict=True)))
        for shape in (shapes.COMMA, shapes.GROUPED, shapes.UNIT, shapes.HUGE):
            if len(places := shaped.of(shape)) and not self.example:
                self.example = values[int(places[0])].as_py()[:_SHOWN]


_TIMES = (shapes.DATE, shapes.DATETIME, shapes.TIMESTAMP, shapes.TIME)


def is_list(type_: pa.DataType) -> bool:
    kinds = pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list
    return any(is_kind(type_) for is_kind in kinds)


def family_of(type_: pa.DataType) -> str:
    """What a column's values are; "" of what is no column of values, such as a struct."""
    types = pa.types
    if is_list(type_) or types.is_dictionary(type_):
        return family_of(type_.value_type)
    if types.is_timestamp(type_):
        return shapes.DATETIME if type_.tz is None else shapes.TIMESTAMP
    families = {
        "text": (types.is_string, types.is_large_string, types.is_string_view, types.is_null),
        "int": (types.is_integer,),
        "float": (types.is_floating,),
        "bool": (types.is_boolean,),
        "decimal": (types.is_decimal,),
        "bytes": (types.is_binary, types.is_large_binary, types.is_fixed_size_binary),
        shapes.DATE: (types.is_date,),
        shapes.TIME: (types.is_time,),
    }
    for family, are in families.items():
        if any(is_(type_) for is_ in are):
            return family
    return ""


def _as_text(values: pa.Array, family: str) -> tuple[pa.Array, str]:
    """Values as text, and the family they turn out to be of: bytes may be text."""
    if family == "bytes":
        try:
            return values.cast(pa.string()), "text"
        except pa.ArrowInvalid:
            return pa.array([value.decode("latin-1") for value in values.to_pylist()]), family
    texts = values.cast(pa.string())
    if family in (shapes.DATETIME, shapes.TIMESTAMP):  # not all digits of the unit
        texts = pc.replace_substring_regex(texts, r"\.0+(Z?)$", r"\1")
    return texts, family
