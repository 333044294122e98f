"""What an evaluation keeps of its rows: tensors that its graph has by name, a hook, and sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import InputFn
from trainer.training.hooks import StepProgress

LABELS, LOGITS, WEIGHTS, SEGMENTS = "labels", "logits", "weights", "segments"
BASELINE = "baseline"  # logits of a logistic regression, where there is one
LEARNED_BASELINE = "learned_baseline"  # before they are corrected
_PREFIX = "reported_"


def collect(tensors: Mapping[str, tf.Tensor]) -> None:
    """Tells the graph of an evaluation the tensors of a batch, [batch, ...] each."""
    for name, tensor in tensors.items():
        tf.compat.v1.add_to_collection(_PREFIX + name, tensor)


def collected(name: str) -> tf.Tensor:
    """A batch's tensor in the graph of an evaluation."""
    return tf.compat.v1.get_default_graph().get_collection(_PREFIX + name)[0]


def collected_if_any(name: str) -> tf.Tensor | None:
    """None where there is none of that name."""
    found = tf.compat.v1.get_default_graph().get_collection(_PREFIX + name)
    return found[0] if found else None


class CollectedRows(tf.compat.v1.train.SessionRunHook):
    """A hook of an evaluation that keeps tensors of all rows.

    Args:
        names: of what is collected; those that the graph has not are left out.
    """

    def __init__(self, names: Sequence[str] = (LABELS, LOGITS, WEIGHTS)):
        self._names = names

    def begin(self) -> None:
        tensors = {name: collected_if_any(name) for name in self._names}
        self._tensors = {name: each for name, each in tensors.items() if each is not None}
        self._batches: list[dict[str, np.ndarray]] = []

    def before_run(self, run_context: Any) -> Any:
        return tf.compat.v1.train.SessionRunArgs(self._tensors)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self._batches.append(run_values.results)

    def all(self, name: str) -> np.ndarray:
        """Of all rows, [rows, ...]."""
        return np.concatenate([batch[name] for batch in self._batches])

    def all_if_any(self, name: str) -> np.ndarray | None:
        """None where the graph had none."""
        return self.all(name) if name in self._tensors else None


def evaluated(
    estimator: Any, input_fn: InputFn, checkpoint: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits, labels and weights of all rows, to calibrate a checkpoint by."""
    rows = CollectedRows()
    estimator.evaluate(
        input_fn,
        hooks=[StepProgress("calibrating", input_fn.steps_per_epoch), rows],
        checkpoint_path=checkpoint,
        name="calibration",
    )
    return rows.all(LOGITS), rows.all(LABELS), rows.all(WEIGHTS)


def sum_variable(name: str, shape: list[int]) -> Any:
    """Sums over all batches, float64, begun anew by each evaluation, and not in checkpoints."""
    graph_keys = tf.compat.v1.GraphKeys
    return tf.compat.v1.Variable(
        tf.zeros(shape, tf.float64),
        trainable=False,
        collections=[graph_keys.LOCAL_VARIABLES, graph_keys.METRIC_VARIABLES],
        name=name,
        use_resource=True,
    )
