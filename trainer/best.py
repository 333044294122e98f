"""The best of all evaluated checkpoints, kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from sampling.estimators import require_estimator


class Best(require_estimator().Exporter):  # type: ignore[misc]
    """What `EvalSpec` takes for an exporter: after each evaluation it tells the result, and copies
    the checkpoint if it is the best so far.

    Args:
        directory: where to; the best checkpoint is its `tf.train.latest_checkpoint`.
        metric: what is to be large.
        line: result -> what is printed.

    Attributes:
        result: of the best evaluation.
        checkpoint: its path.
    """

    name = "best"

    def __init__(self, directory: str, metric: str, line: Callable[[Mapping[str, Any]], str]):
        self._directory, self._metric, self._line = directory, metric, line
        self.result: Mapping[str, Any] = {}
        self.checkpoint = ""

    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str,
        eval_result: Mapping[str, Any],
        is_the_final_export: bool,
    ) -> None:
        """Called by train_and_evaluate."""
        print(self._line(eval_result), flush=True)
        if self.result and eval_result[self._metric] <= self.result[self._metric]:
            return
        before, self.result = self.checkpoint, eval_result
        self.checkpoint = os.path.join(self._directory, os.path.basename(checkpoint_path))
        _copy(checkpoint_path, self.checkpoint)
        tf.compat.v1.train.update_checkpoint_state(self._directory, self.checkpoint)
        if before:
            _remove(before)


def _copy(source: str, target: str) -> None:
    tf.io.gfile.makedirs(os.path.dirname(target))
    for path in tf.io.gfile.glob(f"{source}.*"):
        tf.io.gfile.copy(path, target + path[len(source) :], overwrite=True)


def _remove(checkpoint: str) -> None:
    for path in tf.io.gfile.glob(f"{checkpoint}.*"):
        tf.io.gfile.remove(path)
