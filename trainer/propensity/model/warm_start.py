"""Transfer: a training starts with layers of a model of the same columns, and another label."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from sampling import Schema
from sampling.errors import SamplingError
from sampling.estimator import install
from trainer.job_dir import contents, trained
from trainer.propensity.model import features

SAME = ("model", "hidden_units", "batch_norm", "hash_buckets", "optimizer")
_VARIABLE = re.compile(  # an estimator's -> its layer
    # FTRL's weights are a function of its slots: without them the first step undoes the start
    r"(?:training/Ftrl/)?"
    r"(?:dnn/input_from_feature_columns/input_layer/(.+_embedding)/.+"
    r"|dnn/(hiddenlayer_\d+|logits)/.+"
    r"|linear/linear_model/(?:(bias_weights)|(.+)/weights)(?:/accumulator|/linear)?"
    r"|wide/(numbers|categories)"
    r"|deep/(embedding_\d+|hiddenlayer_\d+|logits)(?:/.+)?"
    r"|(bias))"
)
_LAST = ("logits", "bias_weights", "bias")  # what is of one label alone


def stored(job_dir: str) -> dict[str, Any]:
    """What the other model's parameters.json says, without the label.

    Raises:
        SamplingError: there is no model.
    """
    if trained.checkpoint(job_dir) is None:
        raise SamplingError(
            f"found no trained model in {job_dir}, expected one to start from; fix --warm_start_dir"
        )
    return contents.read_json(job_dir, contents.PARAMETERS)


def check(flags: argparse.Namespace, schema: Schema, other: Mapping[str, Any]) -> None:
    """Raises SamplingError before anything is read, if the other model lacks a layer or differs."""
    with contents.undamaged(f"{flags.warm_start_dir}/{contents.PARAMETERS}"):
        of_other = other["flags"]
        names = of_other["label"], of_other["weight_column"], of_other["forward"]
        theirs = _learned(Schema.from_json(json.dumps(other["schema"]), *names))
    differing = sorted(_learned(schema) ^ theirs)
    if differing:
        name, kind = differing[0]
        raise SamplingError(
            f"the column {name!r} of type {kind} is learned from in only one of the two, this "
            f"training and the model in {flags.warm_start_dir}, expected the same columns; fix "
            "the schema or --forward, or leave --warm_start_dir out"
        )
    for name in SAME:
        if getattr(flags, name) != of_other[name]:
            raise SamplingError(
                f"--{name} is {getattr(flags, name)}, and the model in {flags.warm_start_dir} was "
                f"trained with {of_other[name]}; leave the flag out"
            )


def settings(flags: argparse.Namespace) -> Any:
    """The WarmStartSettings that the flags ask for.

    Raises:
        SamplingError: a layer is not one of the other model's.
    """
    directories = f"{flags.warm_start_dir}/best", flags.warm_start_dir
    checkpoint = next(filter(None, map(trained.checkpoint, directories)))
    layers: dict[str, list[str]] = {}
    with trained.undamaged(checkpoint):
        variables = tf.train.list_variables(checkpoint)
    for variable, _ in variables:
        if found := _VARIABLE.fullmatch(variable):
            layers.setdefault(next(filter(None, found.groups())), []).append(variable)
    unknown = [name for name in flags.warm_start_layers if name not in layers]
    if unknown:
        raise SamplingError(
            f"--warm_start_layers names {unknown[0]!r}, expected names among "
            f"{', '.join(sorted(layers))}; fix it"
        )
    chosen = flags.warm_start_layers or [name for name in layers if name not in _LAST]
    return install().WarmStartSettings(
        checkpoint, [f"{re.escape(name)}:" for layer in chosen for name in layers[layer]]
    )


def _learned(schema: Schema) -> set[tuple[str, str]]:
    return {(field.name, field.type) for field in features.learned(schema)}
