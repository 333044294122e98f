"""What speaks against a model, in sentences, from what was measured of its predictions."""

from __future__ import annotations

import dataclasses
import math
from statistics import NormalDist

_ERRORS = 3.0  # standard errors that chance is allowed
_OFF, _WORSE = 0.02, 0.02  # share of the base rate, and of a log loss, that is of no matter
_SHOWN = 3  # classes in a sentence
_REMEDY = "look for a reversed label, columns that changed their meaning, or too short a training"


@dataclasses.dataclass(frozen=True)
class Measured:
    """Figures of labelled rows that the model has not learned from.

    Args:
        auc, log_loss, mean_prediction, base_rate: of all rows, weighted.
        mean_error: standard error of a base rate, if the predictions are true.
        baseline_log_loss: of a logistic regression on the same features; None: there is none.
        baseline_error: standard error of the difference of the two log losses.
    """

    auc: float
    log_loss: float
    mean_prediction: float
    base_rate: float
    mean_error: float
    baseline_log_loss: float | None = None
    baseline_error: float = 0.0


def doubts(found: Measured) -> list[str]:
    """Sentences, the gravest first; none if nothing speaks against the model."""
    said = []
    has_both = 0 < found.base_rate < 1  # rows of one class have no order, and no baseline to beat
    if has_both and found.auc < 0.5:
        said.append(
            f"the AUC is {found.auc:.4f}, below 0.5, so rows are ranked the wrong way round; "
            f"{_REMEDY}"
        )
    if has_both:
        said += _of_constant(found.log_loss, _entropy(found.base_rate))
    allowed = max(_ERRORS * found.mean_error, _OFF * found.base_rate)
    if not abs(found.mean_prediction - found.base_rate) <= allowed:
        said.append(
            f"the mean prediction is {found.mean_prediction:.4g} and the base rate "
            f"{found.base_rate:.4g}, more than {allowed:.2g} apart, which is what chance allows; "
            "compare these rows with those trained on, or calibrate the model"
        )
    if has_both:
        said += _of_baseline(found.log_loss, found.baseline_log_loss, found.baseline_error)
    return said


@dataclasses.dataclass(frozen=True)
class MeasuredClasses:
    """Figures of labelled rows of any number of classes that the model has not learned from.

    Args:
        classes: what they are called.
        log_loss: of all rows, weighted.
        constant_log_loss: of predicting the base rates for every row.
        mean_predictions, base_rates: of each class, weighted.
        mean_errors: standard errors of the base rates, if the predictions are true.
        share_of_a_row: what a row adds to a base rate.
        baseline_log_loss, baseline_error: see `Measured`.
    """

    classes: tuple[str, ...]
    log_loss: float
    constant_log_loss: float
    mean_predictions: tuple[float, ...]
    base_rates: tuple[float, ...]
    mean_errors: tuple[float, ...]
    share_of_a_row: float
    baseline_log_loss: float | None = None
    baseline_error: float = 0.0


def doubts_of_classes(found: MeasuredClasses) -> list[str]:
    """Sentences, the gravest first; none if nothing speaks against the model."""
    said = []
    has_more = max(found.base_rates) < 1
    if has_more:
        said += _of_constant(found.log_loss, found.constant_log_loss)
    said += _of_means(found)
    if has_more:
        said += _of_baseline(found.log_loss, found.baseline_log_loss, found.baseline_error)
    return said


def _of_means(found: MeasuredClasses) -> list[str]:
    # as unlikely for one of many classes as _ERRORS is for one alone
    errors = NormalDist().inv_cdf(1 - NormalDist().cdf(-_ERRORS) / len(found.classes))
    off = []
    for name, mean, rate, error in zip(
        found.classes, found.mean_predictions, found.base_rates, found.mean_errors, strict=True
    ):
        # Bernstein's inequality: few rows scatter more than a normal variable
        chance = errors * error + errors**2 / 3 * found.share_of_a_row
        allowed = max(chance, _OFF * rate)
        if not abs(mean - rate) <= allowed:
            distance = abs(mean - rate) / allowed
            off.append((distance, f"{name!r} {mean:.4g} and {rate:.4g} ({allowed:.2g})"))
    if not off:
        return []
    off.sort(reverse=True)
    shown = "; ".join([text for _, text in off[:_SHOWN]])
    more = f"; and {len(off) - _SHOWN} more classes" if len(off) > _SHOWN else ""
    return [
        "the mean prediction and the base rate are further apart than chance allows, which is in "
        f"brackets: of {shown}{more}; compare these rows with those trained on, or calibrate the "
        "model"
    ]


def _of_constant(log_loss: float, constant: float) -> list[str]:
    if log_loss < constant:
        return []
    return [
        f"the log loss is {log_loss:.4g}, no better than the {constant:.4g} of predicting the base "
        f"rate for every row; {_REMEDY}"
    ]


def _of_baseline(log_loss: float, baseline: float | None, error: float) -> list[str]:
    if baseline is None or log_loss - baseline <= max(_ERRORS * error, _WORSE * baseline):
        return []
    return [
        f"the log loss is {log_loss:.4g}, and a logistic regression on the same features has "
        f"{baseline:.4g}; train longer, or with fewer hidden units"
    ]


def _entropy(rate: float) -> float:
    """The log loss of predicting the base rate."""
    return -sum(share * math.log(share) for share in (rate, 1 - rate) if share > 0)
