"""Checkpoints as often as the RunConfig says, without a question after every step."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sampling.estimator import install


def with_saver(estimator: Any) -> Any:
    """The same Estimator with a saver hook of its own, for a training by one process.

    An Estimator's saver takes a run of the session for up to a million steps. So it asks for the
    global step again after each, which is a third of what a small model's step takes.
    """
    api = install()

    def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
        spec = estimator.model_fn(features, labels, mode, config)
        if mode != api.ModeKeys.TRAIN:
            return spec
        saver = tf.compat.v1.train.CheckpointSaverHook(
            config.model_dir,
            save_steps=config.save_checkpoints_steps,
            save_graph_def=config.checkpoint_save_graph_def,
        )
        saver._set_steps_per_run(1)  # not public; Estimators on TPUs call it, too
        # the last of all hooks, as an Estimator's: a loss that is no number ends it before
        return spec._replace(training_chief_hooks=[*spec.training_chief_hooks, saver])

    return api.Estimator(
        model_fn,
        model_dir=estimator.model_dir,
        config=estimator.config,
        # not public, but without it a warm start would be dropped in silence
        warm_start_from=getattr(estimator, "_warm_start_settings", None),
    )
