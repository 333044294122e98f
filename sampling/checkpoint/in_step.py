"""Estimators with MultiWorkerMirroredStrategy: each checkpoint has every worker's input state."""

from __future__ import annotations

import os
from typing import Any

import tensorflow as tf

from sampling.checkpoint.estimator import InputStateListener
from sampling.errors import SamplingError
from sampling.input_fn import cluster
from sampling.input_fn.input_fn import InputFn


class SaveInStep(tf.compat.v1.train.CheckpointSaverHook):
    """For `hooks`, in the place of a listener, which this strategy has no use for.

        config = tf.estimator.RunConfig(
            model_dir, train_distribute=strategy, save_checkpoints_secs=None)
        resume(train, model_dir)  # nothing to do the first time
        tf.estimator.TrainSpec(train, max_steps, [SaveInStep(train, config, save_steps=1000)])

    It saves as the Estimator would: all workers after the same step, the chief in the model_dir,
    each other one in a folder in it that nothing is read from.

    Args:
        input_fn: what is trained on, itself or called by a function of your own.
        config: the Estimator's, which saves no checkpoints of its own.
        save_steps: steps between checkpoints; there is one at the end, too.

    Raises:
        SamplingError: config saves checkpoints, TF_CONFIG is wrong, or (while training) another
            input is trained on.
    """

    def __init__(self, input_fn: InputFn, config: Any, save_steps: int):
        if config.save_checkpoints_secs or config.save_checkpoints_steps:
            raise SamplingError(
                f"save_checkpoints_secs is {config.save_checkpoints_secs} and "
                f"save_checkpoints_steps {config.save_checkpoints_steps}, expected None, since "
                "those checkpoints would be without the input's state; pass "
                "RunConfig(save_checkpoints_secs=None)"
            )
        task, folder = cluster.task(), config.model_dir
        if task.shard.index:
            folder = os.path.join(folder, f"tmp_{task.type}_{task.index}")
        listener = InputStateListener(input_fn, config.model_dir)
        super().__init__(folder, save_steps=save_steps, listeners=[listener])
