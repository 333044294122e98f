"""A report of every evaluation: a page, its pictures, and both in TensorBoard."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from sampling import files
from sampling.report import folder, measures
from sampling.report.rows import Predictions
from trainer.classification import collected, tensorboard
from trainer.propensity.model import metrics
from trainer.propensity.parameters import Parameters

REPORT = "report"
_WRONG = 8  # rows of either class
_ERROR = "error"


class Reporting(tf.compat.v1.train.SessionRunHook):
    """A hook for evaluations that keeps what a report is made of, and writes it.

    It keeps labels, predictions, weights and segments of all rows, some 20 bytes each.

    Args:
        job_dir: where `report/` goes; the latest evaluation's is there.
        summaries: the directory of the evaluation's summaries.
        segment: what the segments are called, if any.
        ids: columns that name a row.
        each: whether each evaluation ends with a report; else `write` is to be called.
        options: of `sampling.report.build.Options`, without what the rows tell.

    Attributes:
        measured: of the latest evaluation: {"ece": ...}.
        step: that it was of.
    """

    def __init__(
        self,
        job_dir: str,
        summaries: str,
        segment: str | None,
        ids: Sequence[str],
        each: bool,
        options: Callable[[], Mapping[str, Any]],
    ):
        self._job_dir, self._summaries = job_dir, summaries
        self._segment, self._ids, self._options = segment, list(ids), options
        self._each = each
        self.measured: dict[str, float] = {}
        self.step = -1
        self._known: tuple[Predictions, dict[str, Any]] | None = None

    def begin(self) -> None:
        names = [collected.LABELS, collected.LOGITS, collected.WEIGHTS] + (
            [collected.SEGMENTS] if self._segment else []
        )
        also = metrics.also_collected(self._ids)
        self._tensors = {name: collected.collected(name) for name in names}, also
        self._has_baseline = collected.BASELINE in also
        self._batches: list[Mapping[str, np.ndarray]] = []
        self._wrong = pd.DataFrame()

    def before_run(self, run_context: Any) -> Any:
        return tf.compat.v1.train.SessionRunArgs(self._tensors)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        rows, also = run_values.results
        if self._has_baseline:
            rows = {**rows, collected.BASELINE: also[collected.BASELINE]}
        self._batches.append(rows)
        named = {name: list(map(_text, also[name])) for name in self._ids}
        self._wrong = _surest_wrong(self._wrong, pd.DataFrame(named | _decided(rows)))

    def end(self, session: Any) -> None:
        self.step = int(session.run(tf.compat.v1.train.get_global_step()))
        self._known = None
        batches, self._batches = self._batches, []
        try:
            predictions = _predictions(batches, self._segment)
        except ValueError as error:  # one class alone, say: the evaluation itself goes on
            print(f"no report: {error}", file=sys.stderr)
            return
        self.measured = {"ece": measures.calibration_error(predictions)}
        baseline = None
        if self._has_baseline:
            baseline = _probabilities([batch[collected.BASELINE] for batch in batches])
        wrong = self._wrong.drop(columns=_ERROR).to_dict("records")
        self._known = predictions, {"baseline": baseline, "surest_wrong": wrong}
        if self._each:
            self.write()

    def write(self, **more: Any) -> None:
        """Writes the report of the latest evaluation, with more options of it."""
        if self._known is None:
            return
        build, (predictions, of_rows) = folder.require(), self._known
        options = build.Options(**self._options(), **of_rows, **more)
        drawn = build.build(predictions, options)
        directory = os.path.join(self._job_dir, REPORT)
        files.replace_all(directory, drawn)
        self._summarize(drawn, options.usage or {})
        print(f"report: {os.path.join(directory, build.PAGE)}", flush=True)

    def _summarize(self, drawn: Mapping[str, bytes], usage: Mapping[str, Any]) -> None:
        scalars = {f"calibration/{name}": value for name, value in self.measured.items()}
        for name in ("effective_rows", "rows_per_second"):
            if usage.get(name):
                scalars[f"sampling/{name}"] = usage[name]
        for role, share in usage.get("coverage", {}).items():
            scalars[f"sampling/coverage_{role.removesuffix('_dir')}"] = share
        tensorboard.summarize(self._summaries, self.step, scalars, drawn)


def reporting(
    parameters: Parameters, usage: Callable[[], Any], name: str = "eval", each: bool = False
) -> Reporting | None:
    """The hook for a job's evaluations, if reports are wanted and can be drawn.

    Args:
        usage: what is known of the sampling, whenever it is asked for.
        name: the folder of the evaluation's summaries in the job_dir.
        each: whether each evaluation ends with a report; else `Reporting.write` is to be called.
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
            "title": _title(parameters),
            "threshold": parameters.threshold,
            "costs": parameters.costs,
            "prior": parameters.prior,
            "corrected": parameters.correction is not None,
            "usage": usage(),
            "classes": parameters.schema.classes,
        }

    ids = parameters.schema.features_to_forward
    return Reporting(flags.job_dir, f"{flags.job_dir}/{name}", flags.segment, ids, each, options)


def _title(parameters: Parameters) -> str:
    globs = parameters.flags.test_dir
    label, classes = parameters.flags.label, parameters.schema.classes
    of = f"{label} = {classes[1]}" if classes else label
    return f"Propensity: {of}, in {', '.join(globs)}, {datetime.date.today():%Y-%m-%d}"


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

    probabilities = _probabilities([batch[collected.LOGITS] for batch in batches])
    segments = joined(collected.SEGMENTS) if segment else None
    return Predictions(
        joined(collected.LABELS), probabilities, joined(collected.WEIGHTS), segments, segment or ""
    )


def _probabilities(logits: Sequence[np.ndarray]) -> np.ndarray:
    found = np.concatenate([np.ravel(each) for each in logits] or [np.empty(0)])
    return 1 / (1 + np.exp(-np.clip(found.astype(np.float64), -700, 700)))


def _decided(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns of a batch: the label, the probability, and how far that is from the label."""
    labels, found = np.ravel(rows[collected.LABELS]), _probabilities([rows[collected.LOGITS]])
    return {"label": labels, "probability": found, _ERROR: np.abs(labels - found)}


def _surest_wrong(known: pd.DataFrame, batch: pd.DataFrame) -> pd.DataFrame:
    """The rows of either class whose probabilities are furthest from their labels."""
    both = pd.concat([known, batch]) if len(known) else batch
    furthest = both.sort_values(_ERROR, ascending=False, kind="stable")
    return furthest.groupby("label", sort=True).head(_WRONG).sort_values("label", kind="stable")


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
