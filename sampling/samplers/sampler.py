"""`Sampler`: what an epoch is. A sampling technique is a subclass in a file of its own."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sampling.samplers.plan import Plan

if TYPE_CHECKING:
    from sampling.formats.registry import Blocks
    from sampling.order.rounds import Slice
    from sampling.rows.columns import Round
    from sampling.rows.encoding import Encoding


class Sizes(Mapping[str, int]):
    """Rows of each class of files by its name; they are counted when they are asked for."""

    @abc.abstractmethod
    def counted(self, name: str) -> int:
        """By count, even where the user has said how many there are.

        Raises:
            SamplingError: there are none.
        """

    @abc.abstractmethod
    def surely_more(self, name: str, per: float, of: str) -> bool:
        """Whether the files' bytes alone show that a class has more than `per` times the rows."""


class Part:
    """One class's rows of a chunk.

    Args:
        slices: of rounds, `Slice`s of `Round`s.
        weight: the factor for the rows' own weights.
    """

    __slots__ = ("slices", "weight")

    def __init__(self, slices: Sequence[Slice[Round]], weight: float = 1.0):
        self.slices, self.weight = slices, weight

    @property
    def num_rows(self) -> int:
        return sum(len(slice_.rows) for slice_ in self.slices)


class Sampler(abc.ABC):
    """Declares which rows make up an epoch. Everything else is derived from its plan.

        class EveryTenth(Sampler):
            def plan(self, sizes):
                return Plan({"files": sizes["files"] // 10}, weights={"files": 10.0})

        InputFn("data/*.csv", schema, sampler=EveryTenth(), shuffle=True)

    From the plan follow chunks, each worker's part, padding, steps, the prior, the description, the
    place in the stream and what a saved state is checked by. `sampling.testing.check_sampler` tests
    an own one.

    Attributes:
        labels: by class of files, the label of files that have no label column. Where all classes
            are named, each is a class of the label, and the prior is known without reading.
        not_features: columns that are read and are no feature.
        rate_columns: those of the files that `rates` looks at; None: any.
        not_for_training: why these rows are not trained on, as the end of an error; "" if they are.
    """

    labels: Mapping[str, Any] = {}
    not_features: tuple[str, ...] = ()
    rate_columns: tuple[str, ...] | None = None
    not_for_training: str = ""

    @abc.abstractmethod
    def plan(self, sizes: Sizes) -> Plan:
        """What an epoch is made of.

        Args:
            sizes: rows of each class of files, by its name: `sizes["files"]`. What is not asked for
                need not be counted.
        """

    def rates(self, table: pa.Table) -> Any:
        """How often each row comes in a pass, on average; asked for if the plan is `by_rate`.

        Args:
            table: some rows of the files, after the transform.

        Returns:
            A number for each row, an array [rows] of pyarrow or numpy.
        """
        raise NotImplementedError(f"{type(self).__name__}.plan is by rate and rates is missing")

    def make_up(
        self, rows: Sequence[Slice[Round]], before: np.ndarray, generator: np.random.Generator
    ) -> list[Part]:
        """The parts of a chunk with rows made up; asked for if the plan has `made_up`.

        Args:
            rows: of the leading class, as slices of rounds.
            before: int64 [rows + 1], of the rows made up in an epoch, how many come before those
                for each of these rows and after the last.
            generator: the source of all randomness.
        """
        raise NotImplementedError(f"{type(self).__name__}.plan has made_up and make_up is missing")

    def is_of_other_class(self, name: str, labels: np.ndarray) -> np.ndarray | None:
        """Which labels, in the files of a class, belong to another one.

        Args:
            name: of the class.
            labels: int64, float32 or bytes objects [rows].

        Returns:
            bool [rows], or None if there is no telling.
        """
        return None

    def describe(self) -> dict[str, Any]:
        """What `InputFn.describe` says besides what follows from the plan; JSON takes it."""
        return {}

    def encoding(self, blocks: Mapping[str, Blocks]) -> Encoding | None:
        """How rows are held in memory, where that is not as the columns of a table."""
        return None
