"""A schema's features as feature columns, and the constants that numbers are standardized with.

A column that was never negative in the rows measured (amounts, counts, ages, 0 and 1) is taken by
its logarithm first. Amounts have long tails, and a logarithm does little to the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sampling import Field, InputFn, Schema
from sampling.errors import SamplingError
from sampling.estimator import install
from sampling.features.first_rows import first, joined

MEASURED_ROWS = 50_000
_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/-]*")  # what TensorFlow lets a name be, and >


class Scale(NamedTuple):
    """Number -> (f(number) - mean) / std, where f(x) = sign(x) log(1 + |x|) or x itself."""

    log: bool
    mean: float
    std: float


def learned(schema: Schema) -> list[Field]:
    """The features to learn from: all but those that only identify a row.

    Raises:
        SamplingError: there are none.
    """
    fields = [field for field in schema.features if field.name not in schema.features_to_forward]
    if not fields:
        raise SamplingError(
            "no feature is left to learn from: the columns are label, weight or forwarded; "
            "add one to the schema, or forward fewer"
        )
    return fields


def scoped(name: str) -> str:
    """A column's name as variables may be called: as it is, or with `>C3>A9` for odd characters.

    No two columns have the same one.
    """
    if _SCOPE.fullmatch(name):
        return name
    return "." + re.sub(
        "[^A-Za-z0-9.-]", lambda odd: "".join(f">{b:02X}" for b in odd[0].encode()), name
    )


def with_any_names(estimator: Any, schema: Schema) -> Any:
    """An estimator of `feature_columns` that takes features by their own names."""
    names = {field.name: scoped(field.name) for field in learned(schema)}
    if all(name == plain for name, plain in names.items()):
        return estimator

    def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
        renamed = {names.get(name, name): values for name, values in features.items()}
        return estimator.model_fn(renamed, labels, mode, config)

    return install().Estimator(
        model_fn,
        model_dir=estimator.model_dir,
        config=estimator.config,
        warm_start_from=getattr(estimator, "_warm_start_settings", None),
    )


def measure(input_fn: InputFn, rows: int = MEASURED_ROWS) -> dict[str, Scale]:
    """The scale of each numeric feature over the first rows of the stream, with their weights."""
    names = [field.name for field in learned(input_fn.schema) if not field.is_string]
    if not names:
        return {}
    everything = tf.distribute.InputContext()  # so that all workers measure the same
    features, _, weights = joined(first(input_fn.batches(names, everything), rows))
    weights = weights.astype(np.float64)
    return {name: _scale(features[name], weights) for name in names}


def feature_columns(
    schema: Schema, scales: Mapping[str, Scale], hash_buckets: int, embedded: bool
) -> list[Any]:
    """What a canned estimator takes; `embedded` for a deep one, which takes no sparse ones."""
    return [
        _text_column(scoped(field.name), hash_buckets, embedded)
        if field.is_string
        else tf.feature_column.numeric_column(
            scoped(field.name), normalizer_fn=_normalizer(scales[field.name])
        )
        for field in learned(schema)
    ]


def _scale(values: np.ndarray, weights: np.ndarray) -> Scale:
    values = values.astype(np.float64)
    log = bool(values.min() >= 0)
    if log:
        values = np.log1p(values)
    mean = np.average(values, weights=weights)
    std = math.sqrt(np.average((values - mean) ** 2, weights=weights))
    is_constant = std <= 1e-9 * abs(mean)  # rounding alone makes it more than 0
    return Scale(log, float(mean), 1.0 if is_constant else std)


def _normalizer(scale: Scale) -> Callable[[tf.Tensor], tf.Tensor]:
    def normalize(values: tf.Tensor) -> tf.Tensor:
        values = tf.cast(values, tf.float64)  # float32 would blur dates in seconds
        if scale.log:
            values = tf.sign(values) * tf.math.log1p(tf.abs(values))
        return tf.cast((values - scale.mean) / scale.std, tf.float32)

    return normalize


def _text_column(name: str, hash_buckets: int, embedded: bool) -> Any:
    column = tf.feature_column.categorical_column_with_hash_bucket(name, hash_buckets)
    if not embedded:
        return column
    dimension = math.ceil(hash_buckets**0.25)  # a rule of thumb
    return tf.feature_column.embedding_column(column, dimension)
