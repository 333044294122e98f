"""What suits each model and loss, where flags do not say.

Those of a softmax were chosen on the dev of MovieLens-100k; examples/movielens has what they come
to on its test. Those of cross-entropy are the paper's on NCF. For linear none were searched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sampling.errors import SamplingError

MODELS = ("linear", "gmf", "mlp", "neumf", "two_tower")
LOSSES = ("softmax", "cross_entropy", "squared_error")

# By model and loss, the usual one first.
_USUAL: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "two_tower": {
        "softmax": {
            "factors": 128,
            "learning_rate": 0.004,
            "l2": 0.02,
            "batch_size": 2048,
            "negatives": 4,
        }
    },
    "linear": {
        "squared_error": {
            "factors": 8,
            "learning_rate": 0.2,
            "l2": 0.0,
            "batch_size": 128,
            "negatives": 4,
        }
    },
    **{
        model: {
            "softmax": {
                "factors": factors,
                "learning_rate": softmax_rate,
                "l2": 0.003,
                "batch_size": 1024,
                "negatives": 20,
            },
            "cross_entropy": {
                "factors": 8,
                "learning_rate": rate,
                "l2": 0.0,
                "batch_size": 1024,
                "negatives": 4,
            },
        }
        for model, factors, softmax_rate, rate in (
            ("gmf", 16, 0.01, 0.004),
            ("mlp", 16, 0.004, 0.001),
            ("neumf", 16, 0.004, 0.001),
        )
    },
}


def filled(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The flags with what is usual in place of None.

    Raises:
        SamplingError: the model does not learn by the loss, or that does not go with other flags.
    """
    by_loss = _USUAL[flags["model"]]
    loss = flags["loss"] or next(iter(by_loss))
    if loss not in by_loss:
        raise SamplingError(
            f"--loss is {loss}, expected {' or '.join(by_loss)} for --model={flags['model']}; "
            "leave it out, or name another model"
        )
    missing = {name: value for name, value in by_loss[loss].items() if flags[name] is None}
    found = {**flags, **missing, "loss": loss}
    _check_group(found)
    _check_metric(found)
    if flags["model"] == "linear":
        for name in ("user_features", "item_features"):
            if flags[name]:
                raise SamplingError(
                    f"--{name} is given and --model=linear learns from ids alone; name another "
                    "model, or leave it out"
                )
    return found


def is_grouped(flags: Mapping[str, Any]) -> bool:
    """Whether rows of the training are an observed pair and its fakes."""
    return flags["loss"] == "softmax" and flags["model"] != "two_tower"


def _check_group(flags: Mapping[str, Any]) -> None:
    if not is_grouped(flags):
        return
    if flags["fakes"] == "uniform":
        raise SamplingError(
            "--fakes=uniform are of any users and --loss=softmax compares items of one; pass "
            "--fakes=per_user or popularity, or --loss=cross_entropy"
        )
    if flags["negatives"] != int(flags["negatives"]):
        raise SamplingError(
            f"--negatives is {flags['negatives']:g} and --loss=softmax compares each pair with as "
            "many, expected a whole number; fix it, or pass --loss=cross_entropy"
        )


def _check_metric(flags: Mapping[str, Any]) -> None:
    metric, loss = flags["best_metric"], flags["loss"]
    errors = {"squared_error": ["rmse", "mae"], "cross_entropy": ["rmse", "mae", "log_loss"]}
    known = ["hr", "ndcg", *errors.get(loss, [])]
    if metric not in known:
        raise SamplingError(
            f"--best_metric is {metric}, which --loss={loss} does not have, expected "
            f"{', '.join(known)}; name one of them"
        )
