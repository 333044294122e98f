"""What users hand to Estimators from another Keras than theirs: taken over, or refused by name.

Where tf.keras is Keras 3, `tf.keras.optimizers.Adam(...)` is not what an Estimator was made for.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

from sampling.errors import SamplingError

_LEGACY = ("Adadelta", "Adagrad", "Adam", "Adamax", "Ftrl", "Nadam", "RMSprop", "SGD")
_LEGACY_NAMES = f"tf_keras.optimizers.legacy ({', '.join(_LEGACY)})"
_CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
# They mean nothing by themselves, or are the new-style optimizer's own.
_IGNORED = ("name", "jit_compile", "is_legacy_optimizer", "ema_momentum", "ema_overwrite_frequency")


def legacy_optimizer(optimizer: Any) -> Any:
    """The legacy optimizer with the class and the arguments of a new-style one of Keras 2 or 3.

    Others are returned as they are. The name is the legacy one's own: a checkpoint's variables are
    called as if a legacy optimizer had been given.

    Raises:
        SamplingError: the optimizer, its learning rate's schedule or one of its arguments has no
            legacy counterpart.
    """
    import tf_keras
    from tensorflow.python.eager import context

    if not _is_new_style(optimizer):
        return optimizer
    kind = type(optimizer).__name__
    if kind not in _LEGACY or not type(optimizer).__module__.startswith(("keras.", "tf_keras.")):
        raise SamplingError(
            f"the optimizer is {_class(optimizer)}, expected one of {_LEGACY_NAMES}"
        )
    legacy = getattr(tf_keras.optimizers.legacy, kind)
    with context.eager_mode():  # its learning rate is a variable outside of the Estimator's graph
        options = optimizer.get_config()
    taken = {*inspect.signature(legacy).parameters, *_CLIPPING} - {"name", "kwargs"}
    for name in sorted(set(options) - taken - set(_IGNORED)):
        if options[name]:  # None or False is off
            raise SamplingError(
                f"the optimizer is {kind} with {name}={options[name]!r}, which the optimizers that "
                f"Estimators train with don't have; leave it out, or use one of {_LEGACY_NAMES}"
            )
    given = {name: value for name, value in options.items() if name in taken}
    schedule = getattr(optimizer, "_learning_rate", None)
    if hasattr(schedule, "get_config") and callable(schedule):
        given["learning_rate"] = _legacy_schedule(schedule)
    return legacy(**given)


def _legacy_schedule(schedule: Any) -> Any:
    import tf_keras

    schedules = tf_keras.optimizers.schedules
    if isinstance(schedule, schedules.LearningRateSchedule):
        return schedule
    kind = type(schedule).__name__
    if not type(schedule).__module__.startswith("keras.") or not hasattr(schedules, kind):
        raise SamplingError(
            f"the learning rate is a {kind} of Keras 3, expected one of tf_keras.optimizers."
            "schedules, which Estimators train with; derive it from "
            "tf_keras.optimizers.schedules.LearningRateSchedule"
        )
    return getattr(schedules, kind)(**schedule.get_config())


def _is_new_style(optimizer: Any) -> bool:
    import tf_keras

    return _is_of_keras_3(optimizer, "Optimizer") or isinstance(
        optimizer, tf_keras.optimizers.Optimizer
    )


def _class(thing: Any) -> str:
    keras = type(thing).__module__.partition(".")[0]
    return f"{'Keras 3' if keras == 'keras' else keras}'s {type(thing).__name__}"


def _is_of_keras_3(thing: Any, base: str) -> bool:
    """Whether it is one of Keras 3's optimizers, metrics, models; without importing Keras 3."""
    return any(
        each.__name__ == base and each.__module__.partition(".")[0] == "keras"
        for each in type(thing).__mro__
    )


def _add_optimizers(module: types.ModuleType) -> None:
    get_v2 = module.get_optimizer_instance_v2

    @functools.wraps(get_v2)
    def get_optimizer_instance_v2(opt: Any, learning_rate: Any = None) -> Any:
        if callable(opt):  # called in the graph of a model, where new-style optimizers don't work
            opt = opt()
            if _is_new_style(opt):
                raise SamplingError(
                    f"the optimizer is a function that returns {_class(opt)}, expected one that "
                    f"returns one of {_LEGACY_NAMES}; or give the optimizer itself"
                )
        return get_v2(legacy_optimizer(opt), learning_rate)

    module.get_optimizer_instance_v2 = get_optimizer_instance_v2  # type: ignore[attr-defined]


def _add_head(module: types.ModuleType) -> None:
    validate = module.validate_v2_optimizer

    def validate_v2_optimizer(optimizer: Any) -> None:
        # The caller has set its iterations already, so it can't be exchanged.
        if _is_new_style(optimizer):
            raise SamplingError(
                f"the optimizer is {_class(optimizer)}, expected one of {_LEGACY_NAMES}; "
                "make it by sampling.estimator.legacy_keras().optimizers.legacy"
            )
        validate(optimizer)

    module.validate_v2_optimizer = validate_v2_optimizer  # type: ignore[attr-defined]


def _add_model_fn(module: types.ModuleType) -> None:
    validate = module._validate_eval_metric_ops

    def _validate_eval_metric_ops(eval_metric_ops: Any) -> Any:
        for name, metric in eval_metric_ops.items() if isinstance(eval_metric_ops, dict) else ():
            if _is_of_keras_3(metric, "Metric"):
                raise SamplingError(
                    f"the metric {name!r} is a {type(metric).__name__} of Keras 3, expected one of "
                    f"tf_keras.metrics; make it by sampling.estimator.legacy_keras().metrics"
                )
        return validate(eval_metric_ops)

    module._validate_eval_metric_ops = _validate_eval_metric_ops  # type: ignore[attr-defined]


def _add_model_to_estimator(module: types.ModuleType) -> None:
    assert_valid = module._assert_valid_model

    def _assert_valid_model(model: Any, custom_objects: Any = None) -> None:
        if _is_of_keras_3(model, "Model"):
            raise SamplingError(
                f"the model is a {type(model).__name__} of Keras 3, expected one of tf_keras; "
                "build it with sampling.estimator.legacy_keras()"
            )
        assert_valid(model, custom_objects)

    module._assert_valid_model = _assert_valid_model  # type: ignore[attr-defined]


# What is done to a module of tensorflow-estimator when it has been run, by its name in
# tensorflow_estimator.python.estimator.
ADDITIONS: dict[str, Callable[[types.ModuleType], None]] = {
    "canned.optimizers": _add_optimizers,
    "head.base_head": _add_head,
    "model_fn": _add_model_fn,
    "keras_lib": _add_model_to_estimator,
}
