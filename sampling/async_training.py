"""Estimators with parameter servers: workers that do not wait for each other."""

from __future__ import annotations

import sys
import time
from typing import Any

import tensorflow as tf

_POLL_SECS = 0.2


class SaveWhenAllAreDone(tf.compat.v1.train.CheckpointSaverHook):
    """The chief's saver hook: the last checkpoint has what all workers have learned.

        steps = 5 * input_fn.global_steps_per_epoch(config)
        hooks = [SaveWhenAllAreDone(model_dir, steps, save_secs=600)] if config.is_chief else []
        tf.estimator.TrainSpec(input_fn, steps, hooks)

    The chief ends when it has trained on its own rows. Others may not have by then, and what they
    learn after the last checkpoint is lost. So this one waits, and saves then.

    Args:
        checkpoint_dir: the Estimator's model_dir.
        steps: the global step when all are done.
        silent_secs: for how long the global step may stand still before it gives up waiting.
        save_secs, save_steps: see `CheckpointSaverHook`.
    """

    def __init__(
        self,
        checkpoint_dir: str,
        steps: int,
        silent_secs: float = 120.0,
        save_secs: float | None = None,
        save_steps: int | None = None,
    ):
        super().__init__(checkpoint_dir, save_secs=save_secs, save_steps=save_steps)
        self._all_steps, self._silent_secs = steps, silent_secs

    def end(self, session: Any) -> None:
        step, since = -1, time.monotonic()
        while step < self._all_steps:
            now = int(session.run(tf.compat.v1.train.get_global_step(session.graph)))
            if now != step:
                step, since = now, time.monotonic()
            elif time.monotonic() - since > self._silent_secs:
                print(
                    f"the workers have trained for {step:,} of {self._all_steps:,} steps, and none "
                    f"was added for {self._silent_secs:g} seconds: saving what there is",
                    file=sys.stderr,
                )
                break
            else:
                time.sleep(_POLL_SECS)
        super().end(session)
