"""What tf.estimator lacks: features that come along to the predictions.

estimator = forward_features(estimator, schema)  # {"probabilities": ..., "customer_id_": ...}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from sampling.errors import SamplingError
from sampling.estimator.installation import install
from sampling.schema import FORWARDED_SUFFIX, Schema

_DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def forward_features(estimator: Any, schema_or_keys: Schema | str | Iterable[str]) -> Any:
    """An estimator whose predictions also hold the forwarded features, under `name_`.

    They are in what `predict` yields and in every signature of an export that can carry them. A
    classification or a regression cannot. So a default signature of such a kind, which all canned
    classifiers and regressors have, becomes a prediction; it then takes one tensor for each
    feature.

    Args:
        estimator: a canned or custom tf.estimator.Estimator; it is left as it was.
        schema_or_keys: the schema whose `features_to_forward` are meant, or their plain names.

    Returns:
        A tf.estimator.Estimator with the same model, model_dir and config.

    Raises (while its graph is built):
        SamplingError: the features have no `name_`, or the predictions are no dict or have one.
    """
    api, keys = install(), _forwarded_keys(schema_or_keys)

    def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
        spec = estimator.model_fn(features, labels, mode, config)
        if mode != api.ModeKeys.PREDICT:
            return spec
        forwarded = {key: _forwarded(features, key) for key in keys}
        predictions = _united(spec.predictions, forwarded)
        outputs = _export_outputs(api, spec.export_outputs or {}, predictions, forwarded)
        return spec._replace(predictions=predictions, export_outputs=outputs)

    return api.Estimator(
        model_fn,
        model_dir=estimator.model_dir,
        config=estimator.config,
        # not public, but without it a warm start would be dropped in silence
        warm_start_from=getattr(estimator, "_warm_start_settings", None),
    )


def _forwarded_keys(schema_or_keys: Schema | str | Iterable[str]) -> list[str]:
    names: Iterable[str]
    if isinstance(schema_or_keys, Schema):
        names = schema_or_keys.features_to_forward
    else:
        names = [schema_or_keys] if isinstance(schema_or_keys, str) else schema_or_keys
    return [name + FORWARDED_SUFFIX for name in names]


def _forwarded(features: Mapping[str, Any], key: str) -> tf.Tensor:
    if key not in features:
        raise SamplingError(
            f"the features have no {key!r} ({', '.join(sorted(features))}); name "
            f"{key.removesuffix(FORWARDED_SUFFIX)!r} in the schema's features_to_forward"
        )
    # an output that is a fed input itself would be refused by a session
    return tf.identity(features[key])


def _export_outputs(
    api: Any, outputs: Mapping[str, Any], predictions: Any, forwarded: Mapping[str, Any]
) -> dict[str, Any]:
    predict_output = api.export.PredictOutput
    united = {
        key: predict_output(_united(output.outputs, forwarded))
        if isinstance(output, predict_output)
        else output
        for key, output in outputs.items()
    }
    if not isinstance(united.get(_DEFAULT), predict_output):
        united[_DEFAULT] = predict_output(predictions)
    return united


def _united(predictions: Any, forwarded: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(predictions, Mapping):
        raise SamplingError(
            f"the predictions are a {type(predictions).__name__}, expected a dict, "
            "which forwarded features can join; let the model_fn return one"
        )
    taken = sorted(set(predictions) & set(forwarded))
    if taken:
        raise SamplingError(
            f"the predictions have {', '.join(map(repr, taken))} already, where a forwarded "
            "feature should go; rename one of the two"
        )
    return {**predictions, **forwarded}
