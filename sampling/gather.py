"""Workers that train in step: the state of each, made known to all."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

State = Mapping[str, Any]


class Gather:
    """States of all workers, by a sum that every worker takes part in, after the same step.

    States differ in a few numbers, as many for each worker. Each puts its own in a row of its own
    and 0 in the others'.

    Args:
        state: of this worker, any.
    """

    def __init__(self, state: State):
        self._index, self._number, _, self._replicas = state["worker"]
        self._in_graph = not tf.executing_eagerly()
        if self._in_graph and self._number > 1:
            shape = self._number, len(_numbers(state))
            self._own = tf.compat.v1.placeholder(tf.int64, shape, "input_state")
            self._all = self._summed(self._own)

    def __call__(self, state: State, session: Any = None) -> list[dict[str, Any]]:
        """By worker.

        Args:
            state: of this worker.
            session: of the graph that was the default when this object was made.
        """
        if self._number == 1:
            return [dict(state)]
        own = np.zeros((self._number, len(_numbers(state))), np.int64)
        own[self._index] = _numbers(state)
        if self._in_graph:
            rows = session.run(self._all, {self._own: own})
        else:
            rows = self._summed(tf.constant(own)).numpy()
        return [_state_of(state, worker, row.tolist()) for worker, row in enumerate(rows)]

    def _summed(self, own: tf.Tensor) -> tf.Tensor:
        def add() -> tf.Tensor:
            replica = tf.distribute.get_replica_context()
            number = replica.replica_id_in_sync_group % self._replicas
            is_first = tf.equal(number, 0)  # in graphs == is whether it is the same tensor
            counted = own * tf.cast(is_first, tf.int64)
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, counted)

        strategy = tf.distribute.get_strategy()
        return strategy.experimental_local_results(strategy.run(add))[0]


def _numbers(state: State) -> list[int]:
    cursors = itertools.chain.from_iterable(state["cursors"].values())
    return [state["rows"], state["epoch"], state["skip"], *cursors]


def _state_of(state: State, worker: int, numbers: Sequence[int]) -> dict[str, Any]:
    """The state of another worker: one's own but for the numbers."""
    rows, epoch, skip, *cursors = numbers
    rest = iter(cursors)
    return {
        **state,
        "rows": rows,
        "epoch": epoch,
        "skip": skip,
        "cursors": {name: [next(rest) for _ in each] for name, each in state["cursors"].items()},
        "worker": [worker, *state["worker"][1:]],
    }
