"""How much an exported model needs each of its features: permutation importance.

Where a feature's values are permuted among the rows, the model can't know them. What its log loss
rises by is what the feature is worth to it (Breiman 2001, Fisher, Rudin and Dominici 2019).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sampling import InputFn
from sampling.features.first_rows import first, joined
from trainer.job_dir import contents
from trainer.training.exported import ExportedModel

_ROWS, _VALUES = 5_000, 1_000_000
_RISES = "log_loss_rises"

Rises = Mapping[str, tuple[float, float]]  # of the log loss by feature, with standard errors


def remember(job_dir: str, step: int, rises: Rises) -> None:
    """Keeps in the job_dir what was measured of the checkpoint of that step."""
    contents.write_json(job_dir, contents.IMPORTANCE, {"step": step, _RISES: rises})


def remembered(job_dir: str, step: int) -> Rises | None:
    """None: nothing is known of that checkpoint."""
    known = contents.read_json_if_any(job_dir, contents.IMPORTANCE)
    return known[_RISES] if known and known["step"] == step else None


def measure(path: str, input_fn: InputFn, seed: int = 0) -> Rises:
    """The rise of the log loss by feature, and its standard error.

    Args:
        path: of the export of a classifier, of any number of classes.
        input_fn: labelled rows, mixed; the first 5,000 are taken, fewer of very many features.
        seed: of the permutation, which is the same for all features.
    """
    schema = input_fn.schema
    names = [each.name for each in schema.features if each.name not in schema.features_to_forward]
    rows = min(_ROWS, _VALUES // len(names))
    found, labels, weights = joined(first(input_fn.batches(), rows))
    features = {name: values[:rows] for name, values in found.items()}
    labels, weights = labels[:rows], weights[:rows]
    model = ExportedModel(path)
    order = np.random.default_rng(seed).permutation(len(labels))

    def losses(instead: Mapping[str, np.ndarray]) -> np.ndarray:
        return _losses(model({**features, **instead})["logits"], labels)

    usual = losses({})
    rises = {name: losses({name: features[name][order]}) - usual for name in names}
    return {name: _mean(each, weights) for name, each in rises.items()}


def _losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The log loss of each row; of two classes there is one logit, and that of the first is 0."""
    logits = logits.astype(np.float64)
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    own = logits[np.arange(len(labels)), labels.astype(np.int64)]
    losses: np.ndarray = np.logaddexp.reduce(logits, axis=1) - own
    return losses


def _mean(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    mean = float(np.average(values, weights=weights))
    squares = weights.astype(np.float64) ** 2 * (values - mean) ** 2
    return mean, float(np.sqrt(squares.sum()) / weights.sum())
