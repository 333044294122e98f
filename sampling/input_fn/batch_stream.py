"""An input function's stream in batches, for one of several workers: how long, and where it is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from sampling import checks
from sampling.errors import SamplingError
from sampling.input_fn import cluster, padding
from sampling.input_fn.class_files import Reading
from sampling.input_fn.engine import Engine
from sampling.input_fn.position import Chunks, Position, Run
from sampling.input_fn.read_ahead import ROUNDS_AHEAD
from sampling.input_fn.usage import Tally
from sampling.order.rounds import Cursor
from sampling.order.shares import Shard
from sampling.rows import columns
from sampling.rows.columns import Columns
from sampling.schema import Schema


class BatchStream(Engine):
    """The third layer of an input function: chunks -> batches, from a place that can be saved.

    Args:
        batch_size, num_epochs: see `InputFn`.
    """

    def __init__(
        self,
        globs: Any,
        schema: Schema,
        reading: Reading,
        batch_size: int,
        num_epochs: int | None,
    ):
        self.batch_size = checks.whole_number("batch_size", batch_size, 1)
        self.num_epochs = num_epochs
        if num_epochs is not None:
            self.num_epochs = checks.whole_number("num_epochs", num_epochs, 1)
        super().__init__(globs, schema, reading)
        self._start, self._is_restored = self._beginning, False
        self._run = self._new_run(self._feature_names)

    @property
    def rows_per_epoch(self) -> int:
        """Rows of an epoch; counted at memory speed, once, where it is not known."""
        return sum(blocks.count() for blocks in self._blocks.values())

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch, the last and shorter one included."""
        return math.ceil(self.rows_per_epoch / self.batch_size)

    @property
    def epochs_done(self) -> int:
        """Epochs that had ended at the place it was restored to; 0 if it was not."""
        return self._start.epoch

    @property
    def steps_left(self) -> int:
        """Batches of the first iteration: fewer than of the others where it was restored midway.

        Raises:
            SamplingError: num_epochs is None, and there is no end.
        """
        if self.num_epochs is None:
            raise SamplingError(
                "num_epochs is None, expected a number for there to be an end; set it"
            )
        rows, done = self._rows_per_epoch_of(self._start.shard), self._start.epoch % self.num_epochs
        rest = (self._start.epoch + 1) * rows - (self._start.rows + self._start.skip)
        later = self.num_epochs - done - 1
        return math.ceil(rest / self.batch_size) + later * math.ceil(rows / self.batch_size)

    def rows_per_worker(self, number: int) -> list[int]:
        """Rows of an epoch of each of so many workers, for which rows are counted, once.

            input_fn.rows_per_worker(3)  # [333, 334, 334]

        No row is two workers', and together they have every row that one process has. Where they
        train in step, all have as many as the largest: the others' last rows are copies of weight 0
        (but not of rows without label, which are for prediction).

        Raises:
            SamplingError: a class of files has fewer rows than there are workers.
        """
        return [self._rows_of(Shard(index, number)) for index in range(number)]

    def global_steps_per_epoch(self, config: Any = None, input_context: Any = None) -> int:
        """By how much an Estimator's global step grows in an epoch of all workers.

        In step, all workers' batches of one size together are a step; with parameter servers, every
        batch of every worker is one.

        Args:
            config, input_context: see `__call__`.
        """
        shard = cluster.workers(config, input_context)
        if self._is_padded(shard):
            return math.ceil(self._padded_rows(shard) / self.batch_size / shard.replicas)
        rows = self.rows_per_worker(shard.number) if shard.number > 1 else [self.rows_per_epoch]
        return sum(math.ceil(each / self.batch_size) for each in rows)

    def state(self, rows: int) -> dict[str, Any]:
        """The position after so many rows of the stream, as a dict that JSON takes, under 1 KB.

            state = input_fn.state(rows=steps * input_fn.batch_size)
            input_fn.restore(state)  # in another process, say: the next Dataset goes on there

        The stream is what the latest call gives, iterated again and again; with `restore` it goes
        on counting. So a training that was restored and has seen `rows` rows in all, before and
        after, asks for `state(rows)`.

        Raises:
            SamplingError: rows is negative, or before the place this input function was restored
                to.
        """
        return self._to_state(self._run.find(checks.whole_number("rows", rows, 0)))

    def state_by_batches(self) -> Callable[[int], dict[str, Any]]:
        """A function: batches of the latest call that were trained on -> `state` after them.

        They are counted over all iterations. Later calls make no difference to it, so it can be
        asked while the same input function is evaluated.
        """
        run = self._run
        return lambda batches: self._to_state(run.find(run.rows_after(batches, self.batch_size)))

    def restore(self, state: Mapping[str, Any]) -> None:
        """From now on calls start at that position; the rows that follow are the same.

        The first iteration then has what is left of its `num_epochs` epochs. Of several workers
        each saves its own state, which no other takes.

        Raises:
            SamplingError: it is no state, or one of other files, arguments or another class.
        """
        roles = list(self._blocks)
        start = Position.from_state(state, self._made_with(), roles, self._cursors_after)
        self._start, self._is_restored = start, True
        self._run = self._new_run(self._feature_names)

    def _to_state(self, position: Position) -> dict[str, Any]:
        follows = self._cursors_after(position.epoch, position.rows, position.shard)
        return position.to_state(self._made_with(), follows)

    def _cursors_after(self, epoch: int, rows: int, shard: Shard) -> Sequence[Cursor]:
        """Where the classes are in an epoch, after so many rows of the whole stream, if that is no
        more than arithmetic: a state is short since what is right is not stored in it."""
        return ()

    def _enter(self, shard: Shard) -> None:
        """What follows is for that worker."""
        if self._is_restored and shard != self._start.shard:
            raise SamplingError(
                f"the state that was restored is of {self._start.shard}, and this is {shard}; "
                "restore the state that was saved here"
            )
        self._start = dataclasses.replace(self._start, shard=shard)

    def _batches_per_iteration(self) -> int | None:
        if self.num_epochs is None:
            return tf.data.INFINITE_CARDINALITY
        if self._start.rows or self._start.skip:
            return None  # the first iteration may be shorter, by `steps_left`
        return self.steps_left

    def _rows_per_epoch_of(self, shard: Shard) -> int:
        if self._is_padded(shard):
            return self._padded_rows(shard)
        return self._rows_of(shard) if shard.number > 1 else self._counted_rows_per_epoch()

    def _is_padded(self, shard: Shard) -> bool:
        return shard.padded and self._has_labels

    def _padded_rows(self, shard: Shard) -> int:
        rows = max(self.rows_per_worker(shard.number))
        return shard.padded_rows(rows, self.batch_size)

    def _counted_rows_per_epoch(self) -> int:
        return self.rows_per_epoch

    def _new_batches(
        self, names: Sequence[str], stacked: bool, rounds_ahead: int = ROUNDS_AHEAD
    ) -> Callable[[], Iterator[Columns]]:
        run = self._run = self._new_run(names, rounds_ahead)
        if not stacked:
            return lambda: columns.batched(run.iterate(), self.batch_size)
        return lambda: (
            columns.stacked(batches, names)
            for batches in columns.batched(run.iterate(), self.batch_size)
        )

    def _new_run(self, names: Sequence[str], rounds_ahead: int = ROUNDS_AHEAD) -> Run:
        shard = self._start.shard
        tally = self._tally = Tally()

        def chunks(begin: Position) -> Chunks:
            unpadded = self._chunks(begin, (*names, *self._labels_read), tally, rounds_ahead)
            if not self._is_padded(shard):
                return unpadded
            return padding.padded(unpadded, self._padded_rows(shard))

        return Run(self._start, self.num_epochs, chunks)
