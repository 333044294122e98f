"""`InputFnStratified`: any number of classes, each with the share of an epoch asked for."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sampling import files
from sampling.errors import SamplingError
from sampling.input_fn.description import Description
from sampling.input_fn.engine import CHUNK_ROWS, Part, Streams
from sampling.input_fn.input_fn import InputFn
from sampling.input_fn.position import Position
from sampling.order import apportionment, epochs, rounds
from sampling.order.rounds import Cursor, Share
from sampling.order.shares import Shard, divide
from sampling.probabilities.calibration import Prior
from sampling.rows.columns import Round, Strings
from sampling.rows.transform import Function
from sampling.samplers import class_options
from sampling.samplers.class_options import ClassOptions, Label, Plan
from sampling.samplers.mixed import MixedBlocks
from sampling.schema import Schema


class InputFnStratified(InputFn):
    """Rows of any number of classes in the shares that are asked for, weighted or not.

        input_fn = InputFnStratified(
            {0: "train/water/*.csv", 1: "train/snow/*.csv", 2: "train/land/*.csv"}, schema,
            shares={0: 0.5, 1: 0.25, 2: 0.25}, weight="auto", num_epochs=5)
        estimator.train(input_fn)
        model.fit(input_fn.dataset(), epochs=3)

    The number of rows of each class in an epoch is exact. A class that is not taken as a whole goes
    on where the last epoch stopped, and one that is taken more than once starts over: each of its
    rows is seen once before any is seen again. Rows are counted for it, once, at memory speed. A
    state takes some 350 bytes, and where a class has more than `pool_rows` rows, 11 for each class.

    Args:
        classes: a dict of label: glob (or path, folder, or list of them). Class files may lack the
            label column: the key is their label then. Or a glob of files in which the classes are
            mixed: the label column says which (as it is in the files, before any transform), and
            all of it is read once, for an index, before the first row; see `mixed.py`.
        schema: the columns, and which is the label: whole numbers, numbers or text.
        shares: a dict of label: share, adding up to 1, with 0 to leave a class out; "natural": as
            in the files; None: all alike.
        epoch: how long one is. "minority": every row of the class that is scarcest for its share,
            once. "majority": every row of the one that is most plentiful, once, the others as often
            as it takes. "natural": as many rows as the files have. A number: so many rows.
        rows: in place of shares and epoch: rows of each class in an epoch, a dict of label: number,
            with 0 to leave a class out, or a number for all.
        oversample: whether a class may come more than once in an epoch whose rows were given as a
            number. False: each row once, with a warning. The other kinds of epoch need no leave.
        weight: of a row (times its own, if the schema has a weight column): a dict of label:
            number, a number, "auto": rows in the files / rows in an epoch, so that every class has
            the weight that it has in the files, or "balanced": so that all classes have the same.
        normalize_weights: scale the weights of an epoch to mean 1 (apart from the rows' own).
        exact_batches: whether every batch has the exact shares, but for an epoch's last rows.
        shuffle: whether an epoch's rows are mixed at random. False: the classes evenly interleaved;
            a class that comes as a whole is in file order, others are as random a sample as ever.
        batch_size, num_epochs, header, seed, pool_rows, delimiter, null_values, newlines_in_values,
        transform, file_format: see `InputFn`.

    Raises:
        SamplingError: an argument is out of range, no file matches, a class is unknown or has no
            row, shares do not add up to 1, or a header does not fit the schema.
    """

    def __init__(
        self,
        classes: Mapping[Label, files.Globs] | files.Globs,
        schema: Schema,
        *,
        shares: Mapping[Label, float] | str | None = None,
        epoch: str | int = epochs.MINORITY,
        rows: Mapping[Label, int] | int | None = None,
        oversample: bool = False,
        weight: Mapping[Label, float] | str | float = 1.0,
        normalize_weights: bool = False,
        exact_batches: bool = False,
        shuffle: bool = True,
        batch_size: int = 128,
        num_epochs: int | None = 1,
        header: bool = True,
        seed: int = 0,
        pool_rows: int = 131_072,
        delimiter: str = ",",
        null_values: Sequence[str] = ("",),
        newlines_in_values: bool = False,
        file_format: str | None = None,
        transform: Function | None = None,
    ):
        self.exact_batches = bool(exact_batches)
        super().__init__(
            classes,
            schema,
            shuffle=shuffle,
            batch_size=batch_size,
            num_epochs=num_epochs,
            header=header,
            seed=seed,
            pool_rows=pool_rows,
            delimiter=delimiter,
            null_values=null_values,
            newlines_in_values=newlines_in_values,
            file_format=file_format,
            transform=transform,
        )
        self.options = ClassOptions(
            self.labels, shares, epoch, rows, bool(oversample), weight, bool(normalize_weights)
        )
        if self.exact_batches and self.options.shares is not None:  # otherwise known by counting
            epochs.rows_of_batch(self.batch_size, self.options.shares)

    @property
    def labels(self) -> tuple[Label, ...]:
        """Of the classes, in order."""
        return tuple(self._class_labels.values())

    @property
    def rows_per_epoch(self) -> int:
        """Rows of all classes in an epoch; the classes are counted for it, once."""
        return sum(self._plan.rows)

    def describe(self) -> Description:
        """What is read and what comes of it, by label. Rows are counted for it."""
        plan, largest = self._plan, int(np.argmax(self._plan.sizes))
        masses = np.multiply(plan.rows, plan.weights)
        times = [rows / size for rows, size in zip(plan.rows, plan.sizes, strict=True)]
        in_all = times[largest] * self.num_epochs if self.num_epochs else 1.0
        return Description(
            **super().describe(),
            rows_in_files=self._by_label(plan.sizes),
            rows_in_an_epoch=self._by_label(plan.rows),
            weights=self._by_label(plan.weights),
            weighted_shares=self._by_label((masses / masses.sum()).tolist()),
            times_a_row_is_seen=self._by_label(times),
            largest_class=self.labels[largest],
            coverage_of_it_in_an_epoch=min(1.0, times[largest]),
            coverage_of_it_in_all_epochs=min(1.0, in_all),
            **self._bytes_read(times),
        )

    def prior(self) -> Prior:
        """See `InputFn`. Of rows in the files, and of rows in an epoch x weight, sorted by label.

        A class that is left out has no place in it.
        """
        plan = self._plan
        present = [index for index, rows in enumerate(plan.rows) if rows]
        order = sorted(present, key=lambda index: self.labels[index])
        masses = tuple(plan.rows[index] * plan.weights[index] for index in order)
        return Prior(tuple(plan.sizes[index] for index in order), masses)

    def _epoch(self, streams: Streams) -> Iterator[list[Part]]:
        """Slices of every class, in proportion; what they have given says how far the epoch is."""
        plan = self._plan_of([stream_.share for stream_ in streams.values()])
        while (taken := sum(stream_.taken for stream_ in streams.values())) < sum(plan.rows):
            wanted = zip(streams.values(), self._until_next(taken, plan), plan.weights, strict=True)
            yield [
                Part(stream_.take(rows - stream_.taken), weight) for stream_, rows, weight in wanted
            ]

    def _rows_of(self, shard: Shard) -> int:
        return sum(self._plan_of([self._share(role, shard) for role in self._blocks]).rows)

    def _plan_of(self, shares: Sequence[Share]) -> Plan:
        """With the rows that make up a worker's epoch."""
        plan = self._plan
        if not shares[0].key:
            return plan
        return dataclasses.replace(plan, rows=divide(plan.rows, plan.sizes, shares))

    def _cursors_after(self, epoch: int, rows: int, shard: Shard) -> list[Cursor]:
        """Right for classes of one round. A stream goes on to the next pass when it has to."""
        shares = [self._share(role, shard) for role in self._blocks]
        plan = self._plan_of(shares)
        sizes = [share.count for share in shares] if shard.key else plan.sizes
        cursors = []
        taken = self._among_first(rows - epoch * self._rows_per_epoch_of(shard), plan)
        for size, in_an_epoch, in_this in zip(sizes, plan.rows, taken, strict=True):
            in_all = epoch * in_an_epoch + in_this
            pass_ = max(0, in_all - 1) // size
            cursors.append(Cursor(pass_, 0, in_all - pass_ * size, in_this))
        return cursors

    def _until_next(self, taken: int, plan: Plan) -> tuple[int, ...]:
        """Rows of each class until the end of the chunk that begins after so many of an epoch."""
        if not self.exact_batches:
            return self._among_first(min(sum(plan.rows), taken + CHUNK_ROWS), plan)
        batches = -(-taken // self.batch_size) + max(1, CHUNK_ROWS // self.batch_size)
        return self._among_first(batches * self.batch_size, plan)

    def _among_first(self, rows: int, plan: Plan) -> tuple[int, ...]:
        """Rows of each class among the first so many of an epoch."""
        if not self.exact_batches:
            return tuple(apportionment.apportion(np.array([rows]), plan.rows)[0].tolist())
        batches = -(-rows // self.batch_size)
        if batches * self.batch_size >= sum(plan.rows):
            return plan.rows
        of_batch = epochs.rows_of_batch(self.batch_size, plan.shares)
        pairs = zip(of_batch, plan.rows, strict=True)
        return tuple(min(batches * each, rows) for each, rows in pairs)

    def _order(self, sizes: Sequence[int], position: Position) -> np.ndarray:
        if not self.exact_batches:
            return super()._order(sizes, position)
        of_batch = epochs.rows_of_batch(self.batch_size, self._plan.shares)
        mixer = self._mixer(position) if self.shuffle else None
        return apportionment.order_in_batches(sizes, of_batch, mixer)

    def _is_shuffled(self, role: str) -> bool:
        index = int(role)
        return self.shuffle or self._plan.rows[index] != self._plan.sizes[index]

    @functools.cached_property
    def _plan(self) -> Plan:
        plan = self.options.plan([blocks.count() for blocks in self._blocks.values()])
        if plan.short:
            self._warn_once(
                "short",
                f"there are too few rows, {plan.short}; each is taken once in an epoch, pass "
                "oversample=True to have them more than once",
            )
        if self.exact_batches:
            epochs.rows_of_batch(self.batch_size, plan.shares)
        return plan

    def _open_all(self, classes: Any) -> dict[str, Any]:
        """Roles are the classes' numbers, since a state should be short."""
        self._mixed_files: MixedBlocks | None = None
        if not isinstance(classes, Mapping):
            return self._open_mixed(classes)
        if not classes:
            raise SamplingError("classes is {}, expected a dict of label: glob; name the classes")
        self._set_labels([class_options.checked_label(label, self.schema) for label in classes])
        pairs = zip(self._class_labels, classes.values(), strict=True)
        blocks = {role: self._open(role, globs) for role, globs in pairs}
        self._warn_of_shared_files(blocks)
        return blocks

    def _open_mixed(self, classes: Any) -> dict[str, Any]:
        if self.schema.label is None:
            raise SamplingError(
                "the schema names no label, expected one to tell classes; pass label="
            )
        opened = self._open("classes", classes)
        self._mixed_files = mixed = MixedBlocks(opened, self._label, self.pool_rows)
        self._set_labels(mixed.labels)
        return {role: mixed.of_class(int(role), self._name(role)) for role in self._class_labels}

    def _set_labels(self, labels: Sequence[Label]) -> None:
        self._class_labels = {str(number): label for number, label in enumerate(labels)}

    @property
    def _opened(self) -> Collection[Any]:
        return [self._mixed_files.blocks] if self._mixed_files else self._blocks.values()

    def _name(self, role: str) -> str:
        return f"class {self._class_labels[role]!r}" if role in self._class_labels else role

    def _bytes_read(self, times: Sequence[float]) -> dict[str, Any]:
        """Classes of one round are read at the start, and kept; of others, what an epoch takes."""
        classes = list(zip(self._blocks.values(), times, self._plan.sizes, strict=True))
        is_large = [rounds.rounds_of(of_class, self.pool_rows) > 1 for of_class, *_ in classes]

        def read(bytes_: Sequence[float]) -> dict[str, int]:
            of_small = sum(itertools.compress(bytes_, [not large for large in is_large]))
            of_large = np.dot(np.multiply(bytes_, is_large), times)
            return {"bytes_at_the_start": round(of_small), "bytes_per_epoch": round(of_large)}

        as_read = read([of_class.total_bytes for of_class, *_ in classes])
        if self._mixed_files is None:
            return as_read
        row_bytes = self._mixed_files.blocks.total_bytes / sum(self._plan.sizes)
        as_read["bytes_at_the_start"] = self._mixed_files.blocks.total_bytes
        return {**as_read, "if_split_by_class": read([row_bytes * size for *_, size in classes])}

    def _check_round(self, role: str, round_: Round, blocks: np.ndarray) -> None:
        label, labels = self._class_labels[role], round_[self._label]
        if self._mixed_files:
            return
        if isinstance(labels, Strings):
            label, labels = label.encode(), labels.to_numpy()
        self._warn_of_labels(role, blocks, labels, labels != label)

    def _by_label(self, values: Sequence[Any]) -> dict[Label, Any]:
        return dict(zip(self.labels, values, strict=True))

    def _made_with(self) -> dict[str, Any]:
        batch_size = self.batch_size if self.exact_batches else None
        plan = repr((self.labels, self._plan.rows, batch_size))
        return {**super()._made_with(), "classes": zlib.crc32(plan.encode())}
