"""Sums over all batches of an evaluation."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def variable(name: str, shape: list[int]) -> Any:
    """float64, begun anew by each evaluation, and not in checkpoints."""
    graph_keys = tf.compat.v1.GraphKeys
    return tf.compat.v1.Variable(
        tf.zeros(shape, tf.float64),
        trainable=False,
        collections=[graph_keys.LOCAL_VARIABLES, graph_keys.METRIC_VARIABLES],
        name=name,
        use_resource=True,
    )
