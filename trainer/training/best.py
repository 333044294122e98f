"""The best of all evaluated checkpoints, kept, and an end to training where none is better."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.estimator import install
from trainer.job_dir import contents

SMALLER_IS_BETTER = ("average_loss", "log_loss", "rmse", "mae")
_KNOWN = "best.json"


class Best(install().Exporter):  # type: ignore[misc]
    """What `EvalSpec` takes for an exporter: after each evaluation it tells the result, and copies
    the checkpoint if it is the best so far. Made again after a stop, it knows what it knew.

    Args:
        directory: where to; the best checkpoint is its `tf.train.latest_checkpoint`.
        metric: what decides: large is good, except for a loss or an error.
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
            known = contents.read_json(directory, _KNOWN)
            with contents.undamaged(os.path.join(directory, _KNOWN)):
                if known["evaluated"] <= done and known["metric"] == metric:
                    self.result = {name: _number(value) for name, value in known["result"].items()}
                    self.evaluated = known["evaluated"]
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
        if not self.result or self._is_better(eval_result):
            self.result = {name: np.asarray(value).item() for name, value in eval_result.items()}
            self._keep(checkpoint_path)
        name = os.path.basename(self.checkpoint)
        known = {
            "metric": self._metric,
            "result": self.result,
            "checkpoint": name,
            "evaluated": self.evaluated,
        }
        contents.write_json(self._directory, _KNOWN, known)

    def catch_up(self, estimator: Any, done: int, test_input: Callable[..., Any]) -> None:
        """Evaluates the checkpoint of step `done` if the training was stopped before that was."""
        if self.evaluated < done:
            self.export(
                estimator=estimator,
                export_path="",
                checkpoint_path=tf.train.latest_checkpoint(estimator.model_dir),
                eval_result=estimator.evaluate(test_input),
                is_the_final_export=False,
            )

    @property
    def steps_without(self) -> int:
        """From the best evaluation to the latest."""
        return self.evaluated - int(self.result["global_step"]) if self.result else 0

    def _is_better(self, result: Mapping[str, Any]) -> bool:
        now, best = result[self._metric], self.result[self._metric]
        if np.isnan(best):
            return not np.isnan(now)
        return bool(now < best if self._metric in SMALLER_IS_BETTER else now > best)

    def _keep(self, checkpoint: str) -> None:
        self.checkpoint = os.path.join(self._directory, os.path.basename(checkpoint))
        _copy(checkpoint, self.checkpoint)
        # TensorFlow would write the whole path, and a directory may be moved.
        line = f'model_checkpoint_path: "{os.path.basename(checkpoint)}"'
        contents.write_lines(self._directory, "checkpoint", [line])
        for path in tf.io.gfile.glob(os.path.join(self._directory, "*.ckpt-*")):
            if not path.startswith(f"{self.checkpoint}."):
                tf.io.gfile.remove(path)


class EarlyStopping(tf.compat.v1.train.SessionRunHook):
    """A hook that ends the training when so many steps have brought nothing better than `best`.

    tf.estimator's own keeps a variable in the checkpoint, which a training that goes on with
    another patience can't restore. One that goes on is evaluated at least once more.
    """

    def __init__(self, best: Best, steps: int):
        self._best, self._steps, self._before = best, steps, best.evaluated

    def after_run(self, run_context: Any, run_values: Any) -> None:
        best = self._best
        if best.evaluated == self._before or best.steps_without < self._steps:
            return
        if not run_context.stop_requested:
            step = int(best.result["global_step"])
            print(f"stopped early: no evaluation was better than that of step {step:,}", flush=True)
            run_context.request_stop()


def _number(value: float | None) -> float:
    """As it was measured; what JSON has no number for is kept as null."""
    return math.nan if value is None else value


def _copy(source: str, target: str) -> None:
    tf.io.gfile.makedirs(os.path.dirname(target))
    for path in tf.io.gfile.glob(f"{source}.*"):
        tf.io.gfile.copy(path, target + path[len(source) :], overwrite=True)
