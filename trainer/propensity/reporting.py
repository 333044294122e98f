"""A report of every evaluation: a page, its pictures, and both in TensorBoard."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import files
from sampling.report import folder, measures
from sampling.report.rows import Predictions
from trainer.propensity.model import metrics
from trainer.propensity.parameters import Parameters

REPORT = "report"


class Reporting(tf.compat.v1.train.SessionRunHook):
    """A hook for evaluations that ends each of them with a report.

    It keeps labels, predictions, weights and segments of all rows, some 20 bytes each.

    Args:
        job_dir: where `report/` goes; the latest evaluation's is there.
        summaries: the directory of the evaluation's summaries.
        segment: what the segments are called, if any.
        options: title -> `sampling.report.build.Options` without the segment.

    Attributes:
        measured: of the latest evaluation: {"ece": ...}.
        step: that it was of.
    """

    def __init__(
        self,
        job_dir: str,
        summaries: str,
        segment: str | None,
        options: Callable[[], Mapping[str, Any]],
    ):
        self._job_dir, self._summaries = job_dir, summaries
        self._segment, self._options = segment, options
        self.measured: dict[str, float] = {}
        self.step = -1

    def begin(self) -> None:
        names = [metrics.LABELS, metrics.LOGITS, metrics.WEIGHTS] + (
            [metrics.SEGMENTS] if self._segment else []
        )
        self._tensors = {name: metrics.collected(name) for name in names}
        self._batches: list[Mapping[str, np.ndarray]] = []

    def before_run(self, run_context: Any) -> Any:
        return tf.compat.v1.train.SessionRunArgs(self._tensors)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self._batches.append(run_values.results)

    def end(self, session: Any) -> None:
        self.step = int(session.run(tf.compat.v1.train.get_global_step()))
        batches, self._batches = self._batches, []
        try:
            predictions = _predictions(batches, self._segment)
        except ValueError as error:  # one class alone, say: the evaluation itself goes on
            print(f"no report: {error}", file=sys.stderr)
            return
        self.measured = {"ece": measures.calibration_error(predictions)}
        build = folder.require()
        options = build.Options(**self._options())
        contents = build.build(predictions, options)
        directory = os.path.join(self._job_dir, REPORT)
        files.replace_all(directory, contents)
        self._summarize(contents, options.usage or {})
        print(f"report: {os.path.join(directory, build.PAGE)}", flush=True)

    def _summarize(self, contents: Mapping[str, bytes], usage: Mapping[str, Any]) -> None:
        scalars = {f"calibration/{name}": value for name, value in self.measured.items()}
        for name in ("effective_rows", "rows_per_second"):
            if usage.get(name):
                scalars[f"sampling/{name}"] = usage[name]
        for role, share in usage.get("coverage", {}).items():
            scalars[f"sampling/coverage_{role.removesuffix('_dir')}"] = share
        proto = tf.compat.v1.Summary
        values = [proto.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        for name, content in contents.items():
            if name.endswith(".png"):
                image = proto.Image(encoded_image_string=content)
                values.append(proto.Value(tag=f"report/{name[:-4]}", image=image))
        # the writer that the Estimator takes for the evaluation's own figures
        writer = tf.compat.v1.summary.FileWriterCache.get(self._summaries)
        writer.add_summary(proto(value=values), self.step)
        writer.flush()


def reporting(
    parameters: Parameters, usage: Callable[[], Any], name: str = "eval", globs: Any = None
) -> Reporting | None:
    """The hook for a job's evaluations, if reports are wanted and can be drawn.

    Args:
        usage: what is known of the sampling, whenever it is asked for.
        name: the folder of the evaluation's summaries in the job_dir.
        globs: of what is evaluated; None: test_dir.
    """
    flags = parameters.flags
    if not flags.report:
        return None
    try:
        folder.require()
    except ImportError as error:
        print(f"no report: {error}", file=sys.stderr)
        return None

    def options() -> dict[str, Any]:
        return {
            "title": f"{flags.label}: {', '.join(globs or flags.test_dir)}",
            "threshold": parameters.threshold,
            "costs": parameters.costs,
            "prior": parameters.prior,
            "corrected": parameters.correction is not None,
            "usage": usage(),
            "classes": parameters.schema.classes,
        }

    return Reporting(flags.job_dir, f"{flags.job_dir}/{name}", flags.segment, options)


def said_of_outputs(parameters: Parameters) -> str:
    """What the model's outputs are probabilities of."""
    prior = parameters.prior
    if prior is None or not prior.needs_correction:
        return "probabilities of the files, as sample and weights left their prior"
    learned, true = prior.stream[1], prior.files[1]
    if parameters.correction:
        return f"corrected, from a prior of {learned:.4g} in training to the files' {true:.4g}"
    return f"not corrected: of a prior of {learned:.4g}, where the files have {true:.4g}"


def _predictions(batches: list[Mapping[str, np.ndarray]], segment: str | None) -> Predictions:
    def joined(name: str) -> np.ndarray:
        return np.concatenate([np.ravel(batch[name]) for batch in batches] or [np.empty(0)])

    probabilities = 1 / (1 + np.exp(-np.clip(joined(metrics.LOGITS).astype(np.float64), -700, 700)))
    segments = joined(metrics.SEGMENTS) if segment else None
    return Predictions(
        joined(metrics.LABELS), probabilities, joined(metrics.WEIGHTS), segments, segment or ""
    )
