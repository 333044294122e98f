"""Where a job is and how long it still takes, on stderr."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.progress import duration


class StepProgress(tf.compat.v1.train.SessionRunHook):
    """A hook that tells step, total, speed, loss and the time left.

        training  1,200 / 1,720 (70 %)  430 steps/s  loss 0.4821  1 s left

    A terminal gets one line that changes, everything else a line every ten seconds.

    Args:
        what: the line's first word.
        total: steps until the end.
        stream: where to; None: stderr.
        shared: whether others, too, train for these steps.
    """

    def __init__(self, what: str, total: int, stream: Any = None, shared: bool = False):
        self._what, self._total, self._shared = what, total, shared
        self._stream = stream or sys.stderr
        self._on_terminal = self._stream.isatty()
        self._every = 0.2 if self._on_terminal else 10.0
        self._width = 0

    def begin(self) -> None:
        self._step = self._first = 0
        self._started = 0.0
        self._losses: list[float] = []
        # only a training has a mean loss in this collection; a regression measured, one per row
        losses = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.LOSSES)[-1:]
        self._loss = [loss for loss in losses if loss.shape.rank == 0]

    def after_create_session(self, session: Any, coord: Any) -> None:
        if self._loss:  # it may go on from a checkpoint
            self._step = int(session.run(tf.compat.v1.train.get_global_step()))
        self._told = time.monotonic()

    def before_run(self, run_context: Any) -> Any:
        steps = [tf.compat.v1.train.get_global_step()] if self._shared else []
        return tf.compat.v1.train.SessionRunArgs([self._loss, steps])

    def after_run(self, run_context: Any, run_values: Any) -> None:
        losses, steps = run_values.results
        self._step = max([self._step + 1, *steps])
        if not self._started:  # the first step takes seconds, which say nothing about the others
            self._first, self._started = self._step, time.monotonic()
        self._losses += losses
        if time.monotonic() - self._told >= self._every:
            self._tell(end="" if self._on_terminal else "\n")

    def end(self, session: Any) -> None:
        if self._started:
            self._tell(end="\n")

    def _tell(self, end: str) -> None:
        self._told = time.monotonic()
        line = self._line(self._told - self._started)
        before = "\r" if self._on_terminal else ""
        self._stream.write(before + line.ljust(self._width) + end)
        self._stream.flush()
        self._width = len(line) if self._on_terminal else 0
        self._losses = []

    def _line(self, seconds: float) -> str:
        speed = (self._step - self._first) / max(seconds, 1e-9)
        total = max(self._total, self._step)
        parts = [f"{self._what:<12}{self._step:,} / {total:,} ({self._step / total:.0%})"]
        if speed:
            parts.append(f"{speed:,.0f} steps/s" if speed >= 10 else f"{speed:.2g} steps/s")
        if self._losses:
            parts.append(f"loss {sum(self._losses) / len(self._losses):.4f}")
        if self._step == total:
            parts.append(f"{duration(seconds)} in all")
        elif speed:
            parts.append(f"{duration((total - self._step) / speed)} left")
        return "  ".join(parts)


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
