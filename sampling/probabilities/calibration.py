"""What sampling and weights do to a model's outputs, and how to undo it. Needs numpy alone.

    prior = input_fn.prior()                     # Prior(files=(0.97, 0.03), stream=(0.5, 0.5))
    if prior.needs_correction:
        probabilities = prior.correct(outputs)   # 0.5 -> 0.03

A model learns the probabilities of the weighted stream of rows that it is trained on. Rows may have
been left out or weighted by nothing but their class. Then the odds it puts out are those of the
files times a constant, the same for every row. Sources:

- Elkan (2001), The Foundations of Cost-Sensitive Learning, IJCAI: theorem 2, and thresholds.
- King and Zeng (2001), Logistic Regression in Rare Events Data, Political Analysis 9: the same as a
  change of the intercept.
- Saerens, Latinne and Decaestecker (2002), Adjusting the Outputs of a Classifier to New a Priori
  Probabilities, Neural Computation 14: the same for any number of classes, `adjust` here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from sampling import checks
from sampling.errors import SamplingError

Classes = Sequence[float] | float  # of each class, or of class 1 of two

_SAME = 1e-6  # relative: odds that differ by less are the same, as float32 weights are no finer


def adjust(probabilities: Any, old: Classes, new: Classes) -> np.ndarray:
    """Probabilities under one prior -> those under another.

        p'_k = p_k new_k / old_k / sum_j (p_j new_j / old_j)        (Saerens et al. 2002, eq. 2.4)

    It is its own inverse with the priors exchanged, and changes no order of rows in two classes.

    Args:
        probabilities: of class 1, any shape; or, where the priors are sequences, of all k classes:
            [..., k], summing to 1.
        old: the prior that the probabilities are of, that of the weighted training stream: a number
            for class 1, or a sequence [k].
        new: the prior that they shall be of, in the same form.

    Returns:
        float64, of the same shape.

    Raises:
        SamplingError: a probability is NaN or not in 0..1, those of a row do not sum to 1, or a
            prior is no distribution over the classes.
    """
    values = checked_probabilities("probabilities", probabilities)
    ratio = _ratio(old, new)
    if ratio.ndim == 0:
        scaled = values * ratio
        return scaled / (scaled + (1 - values))
    _check_classes(values, ratio)
    if values.size and np.abs(values.sum(axis=-1) - 1).max() > 1e-3:
        raise SamplingError(
            "the probabilities of a row do not sum to 1, expected one for each of "
            f"{len(ratio)} classes; pass what a softmax puts out"
        )
    scaled = values * ratio
    return scaled / scaled.sum(axis=-1, keepdims=True)


def adjust_logits(logits: Any, old: Classes, new: Classes) -> np.ndarray:
    """What `adjust` does to probabilities, done to logits: a constant is added.

        two classes:  z' = z + log(new / (1 - new)) - log(old / (1 - old))     (King and Zeng 2001)
        k classes:    z'_k = z_k + log(new_k) - log(old_k)

    Args:
        logits: log p / (1 - p) of class 1, any shape; or what a softmax is taken of, [..., k].
        old, new: see `adjust`.

    Returns:
        float64, of the same shape.

    Raises:
        SamplingError: a logit is NaN, or a prior is no distribution over the classes.
    """
    values = np.asarray(logits, np.float64)
    if np.isnan(values).any():
        raise SamplingError(
            f"logits: found NaN{_place(np.isnan(values))}, expected numbers; "
            "find out what made it, a training that diverged maybe"
        )
    ratio = _ratio(old, new)
    _check_classes(values, ratio)
    return values + np.log(ratio)


def log_odds(shares: Sequence[float]) -> np.ndarray:
    """The logits that predict these shares for every row, by sigmoid or softmax.

    Args:
        shares: of each class, in proportion, all above 0.

    Returns:
        float64, [] of class 1 for two classes, else [k], centred on 0.

    Raises:
        SamplingError: there are fewer than two classes, or one has no share.
    """
    logarithms = np.log(_scaled("shares", shares))
    if len(logarithms) == 2:
        return np.asarray(logarithms[1] - logarithms[0])
    return logarithms - logarithms.mean()


def cost_threshold(false_positive: float, false_negative: float) -> float:
    """The true probability from which a row is worth calling positive (Elkan 2001, eq. 2).

        cost_threshold(false_positive=1, false_negative=20)  # 1 / (1 + 20) = 0.048

    Args:
        false_positive: what it costs to call a negative positive, in any unit; above 0.
        false_negative: what it costs to miss a positive, in the same; above 0.

    Raises:
        SamplingError: one is not a finite number above 0.
    """
    false_positive = checks.positive_number("false_positive", false_positive)
    false_negative = checks.positive_number("false_negative", false_negative)
    return false_positive / (false_positive + false_negative)


@dataclasses.dataclass(frozen=True)
class Prior:
    """The share of each class: in the files, and in the weighted stream that a model learns from.

    Where rows have weights of their own, `files` counts rows and `stream` leaves these weights out.
    Corrections are right all the same, since they depend on the ratio of the two alone.

    Args:
        files: float [k], of classes 0, 1, ...; in proportion, it is scaled to sum to 1.
        stream: the same of what the model sees.

    Raises:
        SamplingError: there are fewer than two classes, or one has no share.
    """

    files: tuple[float, ...]
    stream: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("files", "stream"):
            object.__setattr__(self, name, _scaled(name, getattr(self, name)))
        if len(self.files) != len(self.stream):
            raise SamplingError(
                f"files has {len(self.files)} classes and stream {len(self.stream)}, "
                "expected the same; fix one"
            )

    @property
    def needs_correction(self) -> bool:
        """Whether the stream has other shares than the files."""
        ratio = np.divide(self.stream, self.files)
        return bool(ratio.max() > ratio.min() * (1 + _SAME))

    @property
    def offset(self) -> np.ndarray:
        """float64, [] for two classes, else [k]: what `correct_logits` adds to logits."""
        old, new = self._priors()
        return np.log(_ratio(old, new))

    def correct(self, outputs: Any) -> np.ndarray:
        """What a model put out that learned from the stream -> probabilities of the files.

        Args:
            outputs: of class 1, any shape; with more than two classes [..., k].

        Raises:
            SamplingError: there is nothing to correct, since weights have restored the prior; or
                see `adjust`.
        """
        self.check_needed()
        return adjust(outputs, *self._priors())

    def correct_logits(self, logits: Any) -> np.ndarray:
        """The same for logits."""
        self.check_needed()
        return adjust_logits(logits, *self._priors())

    def uncorrect(self, probabilities: Any) -> np.ndarray:
        """The way back: what a model puts out that learned from the stream.

        Raises:
            SamplingError: see `correct`.
        """
        self.check_needed()
        return adjust(probabilities, *reversed(self._priors()))

    def uncorrect_logits(self, logits: Any) -> np.ndarray:
        """The same for logits."""
        self.check_needed()
        return adjust_logits(logits, *reversed(self._priors()))

    def threshold(self, probability: float | None = None) -> float:
        """The uncorrected output of class 1, of two, at which to decide as at a true probability.

        Args:
            probability: above 0 and below 1; None: the base rate, from which on a row is likelier
                positive than the average one. The threshold is then the stream's own prior.

        Raises:
            SamplingError: the probability is out of range, or there are more than two classes.
        """
        old, new = self._priors()
        if len(self.files) != 2:
            raise SamplingError(
                f"there are {len(self.files)} classes, expected two; a threshold decides between "
                "two, correct the probabilities and take the largest"
            )
        share = _share("prior", new) if probability is None else _share("probability", probability)
        return float(adjust(share, new, old))

    def _priors(self) -> tuple[Classes, Classes]:
        if len(self.files) == 2:
            return self.stream[1], self.files[1]
        return self.stream, self.files

    def check_needed(self) -> None:
        """Raises SamplingError if there is nothing to correct."""
        if not self.needs_correction:
            raise SamplingError(
                f"found the same prior in the stream as in the files {self.files}, which leaves "
                "nothing to correct, and correcting would be wrong; use the outputs as they are"
            )


@dataclasses.dataclass(frozen=True)
class Environment:
    """A training environment of two classes: the true ratio, the sample's, and the weights.

    Args:
        true_ratio: x: there are x negatives for each positive in the files.
        sample_ratio: negatives for each positive in an epoch; None: all of them.
        positive_weight, negative_weight: of a row.

    Raises:
        SamplingError: one is not a finite number above 0.
    """

    true_ratio: float
    sample_ratio: float | None = None
    positive_weight: float = 1.0
    negative_weight: float = 1.0

    def __post_init__(self) -> None:
        if self.sample_ratio is None:
            object.__setattr__(self, "sample_ratio", self.true_ratio)
        for field in dataclasses.fields(self):
            checks.positive_number(field.name, getattr(self, field.name))

    @property
    def prior(self) -> Prior:
        assert self.sample_ratio is not None
        weighted = self.sample_ratio * self.negative_weight, self.positive_weight
        return Prior((self.true_ratio, 1.0), weighted)

    def threshold(self, probability: float | None = None) -> float:
        """See `Prior.threshold`."""
        return self.prior.threshold(probability)


def equivalent_environments(true_ratio: float) -> dict[str, Environment]:
    """Four ways to train on a positive for x negatives that come to the same decisions.

    Decided at `threshold()`: 1 / (1 + x), 1/2, 1/2 and 1 / (1 + x).
    """
    x = true_ratio
    return {
        "natural": Environment(x),
        "balanced": Environment(x, sample_ratio=1),
        "natural, upweighted positives": Environment(x, positive_weight=x),
        "balanced, upweighted negatives": Environment(x, sample_ratio=1, negative_weight=x),
    }


def checked_probabilities(name: str, values: Any) -> np.ndarray:
    """float64; ValueError unless all of them are in 0..1."""
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise SamplingError(f"{name}: found what is no number, expected 0..1; fix it") from None
    wrong = ~((array >= 0) & (array <= 1))
    if wrong.any():
        raise SamplingError(
            f"{name}: found {array[wrong][0]:g}{_place(wrong)}, expected probabilities in 0..1; "
            "pass probabilities rather than logits, and find out what made a NaN"
        )
    return array


def _ratio(old: Classes, new: Classes) -> np.ndarray:
    """new / old: of the odds of class 1, or of each class [k]."""
    if np.ndim(old) != np.ndim(new) or np.shape(old) != np.shape(new):
        raise SamplingError(
            f"the priors are {old!r} and {new!r}, expected both of as many classes; fix one"
        )
    if np.ndim(old) == 0:
        before, after = _share("prior", old), _share("prior", new)
        return np.asarray(after / (1 - after) * (1 - before) / before)
    return np.divide(_scaled("new", new), _scaled("old", old))


def _share(name: str, share: Any) -> float:
    value = checks.positive_number(name, share)
    if value >= 1:
        raise SamplingError(f"{name} is {value!r}, expected a number above 0 and below 1; fix it")
    return value


def _scaled(name: str, shares: Any) -> tuple[float, ...]:
    values = np.asarray(shares, np.float64)
    if values.ndim != 1 or len(values) < 2 or not (np.isfinite(values) & (values > 0)).all():
        raise SamplingError(
            f"{name} is {shares!r}, expected the shares of two or more classes, all above 0; "
            "leave out a class that never occurs"
        )
    return tuple((values / values.sum()).tolist())


def _check_classes(values: np.ndarray, ratio: np.ndarray) -> None:
    if ratio.ndim and (values.ndim == 0 or values.shape[-1] != len(ratio)):
        raise SamplingError(
            f"found an array of shape {values.shape}, expected [..., {len(ratio)}], a value for "
            "each class; pass all of them, or the priors as numbers for two classes"
        )


def _place(wrong: np.ndarray) -> str:
    """Where the first one is, counting rows from 0."""
    if not wrong.ndim:
        return ""
    return f" in row {int(np.argmax(wrong.reshape(len(wrong), -1).any(axis=1)))}"
