"""The best of all evaluated checkpoints, kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.estimators import require_estimator
from trainer import results

_KNOWN = "best.json"


class Best(require_estimator().Exporter):  # type: ignore[misc]
    """What `EvalSpec` takes for an exporter: after each evaluation it tells the result, and copies
    the checkpoint if it is the best so far. Made again after a stop, it knows what it knew.

    Args:
        directory: where to; the best checkpoint is its `tf.train.latest_checkpoint`.
        metric: what is to be large.
        line: result -> what is printed.
        done: steps that the model has been trained for; what is known of later ones is of another.

    Attributes:
        result: of the best evaluation.
        checkpoint: its path.
        evaluated: step of the last checkpoint that was evaluated.
    """

    name = "best"

    def __init__(
        self,
        directory: str,
        metric: str,
        line: Callable[[Mapping[str, Any]], str],
        done: int = 0,
    ):
        self._directory, self._metric, self._line = directory, metric, line
        self.result: Mapping[str, Any] = {}
        self.checkpoint, self.evaluated = "", 0
        if tf.io.gfile.exists(os.path.join(directory, _KNOWN)):
            known = results.read_json(directory, _KNOWN)
            if known["evaluated"] <= done:
                self.result, self.evaluated = known["result"], known["evaluated"]
                self.checkpoint = os.path.join(directory, known["checkpoint"])

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
        self.evaluated = int(eval_result["global_step"])
        if not self.result or eval_result[self._metric] > self.result[self._metric]:
            self.result = {name: np.asarray(value).item() for name, value in eval_result.items()}
            self._keep(checkpoint_path)
        name = os.path.basename(self.checkpoint)
        known = {"result": self.result, "checkpoint": name, "evaluated": self.evaluated}
        results.write_json(self._directory, _KNOWN, known)

    def _keep(self, checkpoint: str) -> None:
        self.checkpoint = os.path.join(self._directory, os.path.basename(checkpoint))
        _copy(checkpoint, self.checkpoint)
        # TensorFlow would write the whole path, and a directory may be moved.
        line = f'model_checkpoint_path: "{os.path.basename(checkpoint)}"'
        results.write_lines(self._directory, "checkpoint", [line])
        for path in tf.io.gfile.glob(os.path.join(self._directory, "*.ckpt-*")):
            if not path.startswith(f"{self.checkpoint}."):
                tf.io.gfile.remove(path)


def _copy(source: str, target: str) -> None:
    tf.io.gfile.makedirs(os.path.dirname(target))
    for path in tf.io.gfile.glob(f"{source}.*"):
        tf.io.gfile.copy(path, target + path[len(source) :], overwrite=True)
