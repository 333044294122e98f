"""Workers that train in step: the state of each, made known to all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

State = Mapping[str, Any]
_BYTES = 1024  # of a state at a time: what is summed in a graph has one shape


class StateExchange:
    """States of all workers, by a sum that every worker takes part in, after the same step.

    Each worker puts the bytes of its own in a row of its own and 0 in the others'.

    Args:
        state: of this worker, any.
        strategy: of all of them.
    """

    def __init__(self, state: State, strategy: tf.distribute.Strategy):
        self._index, self._number, _, self._replicas = state["worker"]
        self._strategy, self._in_graph = strategy, not tf.executing_eagerly()
        if self._in_graph and self._number > 1:
            shape = self._number, 1 + _BYTES
            self._own = tf.compat.v1.placeholder(tf.int32, shape, "input_state")
            self._all = self._summed(self._own)

    def __call__(self, state: State, session: Any = None) -> list[dict[str, Any]]:
        """By worker.

        Args:
            state: of this worker.
            session: of the graph that was the default when this object was made.
        """
        if self._number == 1:
            return [dict(state)]
        text = json.dumps(state).encode()
        start, longest, pieces = 0, 1, []
        while start < longest:
            rows = self._exchanged([len(text), *text[start : start + _BYTES]], session)
            pieces.append(rows[:, 1:])
            start, longest = start + _BYTES, rows[:, 0].max()
        texts = np.concatenate(pieces, axis=1).astype(np.uint8)
        return [
            json.loads(row.tobytes()[:length])
            for row, length in zip(texts, rows[:, 0], strict=True)
        ]

    def _exchanged(self, values: Sequence[int], session: Any) -> np.ndarray:
        """int32 [workers, 1 + _BYTES]: the values of each, and 0."""
        own = np.zeros((self._number, 1 + _BYTES), np.int32)
        own[self._index, : len(values)] = values
        if self._in_graph:
            return np.asarray(session.run(self._all, {self._own: own}))
        return self._summed(tf.constant(own)).numpy()

    def _summed(self, own: tf.Tensor) -> tf.Tensor:
        def add() -> tf.Tensor:
            replica = tf.distribute.get_replica_context()
            number = replica.replica_id_in_sync_group % self._replicas
            is_first = tf.equal(number, 0)  # in graphs == is whether it is the same tensor
            counted = own * tf.cast(is_first, own.dtype)
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, counted)

        return self._strategy.experimental_local_results(self._strategy.run(add))[0]
