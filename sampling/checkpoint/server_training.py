"""Estimators with parameter servers: workers that do not wait for each other."""

from __future__ import annotations

import sys
import time
from typing import Any

import tensorflow as tf

from sampling.checkpoint.server_resume import WorkerState

_POLL_SECS = 0.5
_TELL_SECS = 30.0


class SaveWhenAllAreDone(tf.compat.v1.train.CheckpointSaverHook):
    """The chief's saver hook: the last checkpoint has what all workers have learned.

        state = WorkerState(input_fn, config)
        hooks = [state, SaveWhenAllAreDone(state, save_secs=600)] if state.is_chief else [state]
        spec = tf.estimator.TrainSpec(state.input_fn, state.max_steps, hooks)

    The chief ends when it has trained on its own rows. Others may not have by then, and what they
    learn after the last checkpoint is lost. So this one waits, saves as often as before meanwhile,
    and once more when all are done.

    Args:
        state: the chief's, which comes before this one among the hooks.
        silent_secs: for how long the global step may stand still before it gives up waiting.
        save_secs, save_steps: see `CheckpointSaverHook`.
    """

    def __init__(
        self,
        state: WorkerState,
        silent_secs: float = 120.0,
        save_secs: float | None = None,
        save_steps: int | None = None,
    ):
        super().__init__(state.model_dir, save_secs=save_secs, save_steps=save_steps)
        self._set_steps_per_run(1)  # else it asks for the global step once more after every step
        self._state, self._silent_secs = state, silent_secs

    def end(self, session: Any) -> None:
        step, since = -1, time.monotonic()
        told = since
        while not self._state.all_are_done:
            now = int(session.run(tf.compat.v1.train.get_global_step(session.graph)))
            if now != step:
                step, since = now, time.monotonic()
            elif time.monotonic() - since > self._silent_secs:
                _tell(f"no step in {self._silent_secs:g} seconds, saving what there is", step)
                break
            if self._timer.should_trigger_for_step(now):
                self._timer.update_last_triggered_step(now)
                self._save(session, now)
            if time.monotonic() - told > _TELL_SECS:
                _tell("waiting for them", step)
                told = time.monotonic()
            time.sleep(_POLL_SECS)
        super().end(session)


def _tell(what: str, step: int) -> None:
    print(f"not all workers are done after step {step:,}: {what}", file=sys.stderr)
