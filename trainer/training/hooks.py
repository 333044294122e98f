"""Where a job is and how long it still takes, on stderr."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.progress import bar


class StepProgress(tf.compat.v1.train.SessionRunHook):
    """A hook that tells step, total, speed, loss and the time left.

        training     70% |##############      | 1,200/1,720  430 steps/s  00:03<00:01, loss 0.4821

    See `sampling.progress.bar`.

    Args:
        what: the line's first word.
        total: steps until the end.
        stream: where to; None: stderr.
        shared: whether others, too, train for these steps.
    """

    def __init__(self, what: str, total: int, stream: Any = None, shared: bool = False):
        self._what, self._total, self._shared, self._stream = what, total, shared, stream

    def begin(self) -> None:
        self._step = 0
        self._bar: Any = None
        self._sum, self._losses = 0.0, 0  # since the last line
        # only a training has a mean loss in this collection; a regression measured, one per row
        losses = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.LOSSES)[-1:]
        self._loss = [loss for loss in losses if loss.shape.rank == 0]

    def after_create_session(self, session: Any, coord: Any) -> None:
        if self._loss:  # it may go on from a checkpoint
            self._step = int(session.run(tf.compat.v1.train.get_global_step()))

    def before_run(self, run_context: Any) -> Any:
        steps = [tf.compat.v1.train.get_global_step()] if self._shared else []
        return tf.compat.v1.train.SessionRunArgs([self._loss, steps])

    def after_run(self, run_context: Any, run_values: Any) -> None:
        losses, steps = run_values.results
        self._step = max([self._step + 1, *steps])
        self._sum, self._losses = self._sum + float(sum(losses)), self._losses + len(losses)
        if self._bar is None:  # the first step takes seconds, which say nothing about the others
            total = max(self._total, self._step)
            shown = " {n:,}/{total:,}  {rate_noinv_fmt}"
            options = {"unit": " steps", "initial": self._step, "stream": self._stream}
            self._bar = bar(self._what, total, shown=shown, **options)
        self._bar.total = max(self._bar.total, self._step)
        told = self._bar.last_print_t
        self._tell_loss()
        self._bar.update(self._step - self._bar.n)
        if self._bar.last_print_t != told:
            self._sum, self._losses = 0.0, 0  # the next line is of the steps after this one

    def end(self, session: Any) -> None:
        if self._bar is not None:
            self._tell_loss()
            self._bar.close()

    def _tell_loss(self) -> None:
        if self._losses:
            loss = f"loss {self._sum / self._losses:.4f}"
            self._bar.set_postfix_str(loss, refresh=False)


class Speed(tf.compat.v1.train.SessionRunHook):
    """A hook that measures training steps, without the checkpoints and evaluations between them."""

    def __init__(self) -> None:
        self._durations: list[float] = []

    def before_run(self, run_context: Any) -> None:
        self._begun = time.perf_counter()

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self._durations.append(time.perf_counter() - self._begun)

    @property
    def steps_per_second(self) -> float:
        """0 where there was no step."""
        usual = 10 * float(np.median(self._durations or [0.0]))
        steps = [seconds for seconds in self._durations if seconds <= usual]
        return len(steps) / sum(steps) if steps else 0.0
