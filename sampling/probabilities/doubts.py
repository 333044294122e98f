"""What speaks against a model, in sentences, from what was measured of its predictions."""

from __future__ import annotations

import dataclasses
import math

_ERRORS = 3.0  # standard errors that chance is allowed
_OFF, _WORSE = 0.02, 0.02  # share of the base rate, and of a log loss, that is of no matter
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
    constant = _entropy(found.base_rate)
    if has_both and not found.log_loss < constant:
        said.append(
            f"the log loss is {found.log_loss:.4g}, no better than the {constant:.4g} of "
            f"predicting the base rate for every row; {_REMEDY}"
        )
    allowed = max(_ERRORS * found.mean_error, _OFF * found.base_rate)
    if not abs(found.mean_prediction - found.base_rate) <= allowed:
        said.append(
            f"the mean prediction is {found.mean_prediction:.4g} and the base rate "
            f"{found.base_rate:.4g}, more than {allowed:.2g} apart, which is what chance allows; "
            "compare these rows with those trained on, or calibrate the model"
        )
    baseline = found.baseline_log_loss
    if has_both and baseline is not None:
        allowed = max(_ERRORS * found.baseline_error, _WORSE * baseline)
        if not found.log_loss - baseline <= allowed:
            said.append(
                f"the log loss is {found.log_loss:.4g}, and a logistic regression on the same "
                f"features has {baseline:.4g}; train longer, or with fewer hidden units"
            )
    return said


def _entropy(rate: float) -> float:
    """The log loss of predicting the base rate."""
    return -sum(share * math.log(share) for share in (rate, 1 - rate) if share > 0)
