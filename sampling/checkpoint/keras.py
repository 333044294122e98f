"""Going on after a stop, for Keras: where the input is, as a part of the checkpoint.

    state = InputState(input_fn)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer, input=state)
    manager = tf.train.CheckpointManager(checkpoint, "output/model", max_to_keep=2)
    checkpoint.restore(manager.latest_checkpoint)  # nothing to do the first time
    fit(model, state, manager, epochs=5, save_steps=1000)

A loop of one's own iterates `state.dataset()` and tells `state.trained()` after every step.

With MultiWorkerMirroredStrategy the same lines run on every worker, with `InputState(input_fn,
strategy)`. The chief's checkpoint has the places of all workers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from typing import Any

import tensorflow as tf

from sampling import checks
from sampling.checkpoint.exchange import StateExchange
from sampling.errors import SamplingError
from sampling.input_fn import cluster
from sampling.input_fn.input_fn import InputFn


class InputState(tf.train.experimental.PythonState):
    """Where in an input function's rows a training is; saved and restored as all in a checkpoint.

    It is a function of the rows *trained on*, not of those read, which are ahead: some hundred
    bytes. Restoring reads the round that each class is in, however far in.

    Args:
        input_fn: what is trained on.
        strategy: MultiWorkerMirroredStrategy, if TF_CONFIG names several workers. All of them save
            at the same time, since each tells the others where it is.

    Raises (when a checkpoint is restored):
        SamplingError: it was made by another input function, or of another number of workers; what
            differs is named.
    """

    def __init__(self, input_fn: InputFn, strategy: tf.distribute.Strategy | None = None):
        self.input_fn, self._strategy = input_fn, strategy
        self.is_in_checkpoint = False  # whether it was saved or restored
        self.context = tf.distribute.InputContext()
        if strategy is not None and (shard := cluster.task().shard).number > 1:
            replicas = strategy.num_replicas_in_sync
            self.context = tf.distribute.InputContext(shard.number, shard.index, replicas)
            # from here on its places are this worker's
            input_fn.batches(input_context=self.context)
        self._begin()

    def dataset(self, features: Collection[str] | None = None, *, stacked: bool = False) -> Any:
        """`input_fn.dataset` from the place reached; its batches are counted from here on.

        Of several workers it is distributed, a batch for each replica, and goes on with the next
        epochs without an end.
        """
        self.input_fn.restore(self.value)
        if self._strategy is None or self.workers == 1:
            dataset = self.input_fn.dataset(features, stacked=stacked)
        else:
            dataset = self._strategy.distribute_datasets_from_function(
                lambda context: self.input_fn.dataset(features, context, stacked=stacked).repeat()
            )
        self._begin()
        return dataset

    def trained(self, steps: int = 1) -> None:
        """So many more steps were trained: a batch of the latest dataset each, or one a replica."""
        *_, replicas = self._state_after(0)["worker"]
        self._batches += checks.whole_number("steps", steps, 0) * replicas

    @property
    def workers(self) -> int:
        """How many train in step, each on rows of its own."""
        return self.context.num_input_pipelines

    @property
    def value(self) -> dict[str, Any]:
        """The `state` of the input function after the batches trained on."""
        return self._state_after(self._batches)

    def serialize(self) -> str:
        """For tf.train.Checkpoint: JSON of less than 1 KB for each worker."""
        self.is_in_checkpoint = True
        value = self.value
        if self._strategy is None or self.workers == 1:
            return json.dumps(value)
        return json.dumps(StateExchange(value, self._strategy)(value))

    def deserialize(self, string_value: Any) -> None:
        """For tf.train.Checkpoint: goes to the place that `serialize` wrote down."""
        try:
            found = json.loads(string_value)
        except (ValueError, RecursionError) as error:
            raise SamplingError(
                f"found {string_value[:100]!r}, which is no state ({error}); restore a checkpoint "
                "whose input is an InputState"
            ) from None
        states = found if isinstance(found, list) else [found]
        if len(states) != self.workers:
            raise SamplingError(
                f"the checkpoint has states of {len(states)} workers, expected {self.workers}; "
                "start as many workers as saved it, each with InputState(input_fn, strategy)"
            )
        self.input_fn.restore(states[self.context.input_pipeline_id])
        self.is_in_checkpoint = True
        self._begin()

    def _begin(self) -> None:
        self._batches = 0
        self._state_after = self.input_fn.state_by_batches()


def fit(
    model: Any,
    state: InputState,
    manager: tf.train.CheckpointManager,
    epochs: int,
    features: Collection[str] | None = None,
    save_steps: int | None = None,
    callbacks: Sequence[Any] = (),
    *,
    stacked: bool = False,
    **options: Any,
) -> Any:
    """`model.fit` on the input function's Dataset, to the end of the epoch begun, then whole ones.

    An epoch of `fit` is an iteration of the Dataset: `num_epochs` epochs of the input function.
    Started again after a stop, with the latest checkpoint restored, it ends after the same batches
    as a training never stopped.

    Of several workers each fits on its own rows, and all save after the same step. The chief saves
    in the manager's directory, the others in folders in it that nothing is read from.

    Args:
        model: compiled, in the strategy's scope where there are several workers.
        state: in the manager's checkpoint, with model and optimizer.
        manager: saves at the end of every epoch, after all callbacks.
        epochs: in all, those before the stop included.
        features: the names of those the model takes; None: all.
        save_steps: batches between checkpoints within an epoch, too; None: none there.
        stacked: whether the features come as one matrix, see `InputFn.dataset`.
        callbacks, options: for `model.fit`, which takes no steps_per_epoch here.

    Returns:
        The History. Metrics of the epoch begun are of the rest of it.

    Raises:
        SamplingError: num_epochs is None, the manager's latest checkpoint was not restored, the
            state is no part of it, or Keras 3 is asked to train with a strategy.
    """
    input_fn = state.input_fn
    if input_fn.num_epochs is None:
        raise SamplingError(
            "num_epochs is None, expected a number, 1 for fit's epochs to be the input function's; "
            "set it"
        )
    _check_in_checkpoint(state, manager)
    _check_strategy(state, model)
    dataset = state.dataset(features, stacked=stacked)
    *_, replicas = state.value["worker"]
    rest, done = input_fn.steps_left // replicas, state.value["epoch"] // input_fn.num_epochs
    whole = input_fn.num_epochs * input_fn.global_steps_per_epoch(input_context=state.context)

    def data(steps: int) -> dict[str, Any]:
        if state.workers > 1:  # what fit has read ahead it does not keep for another call
            return {"x": state.dataset(features, stacked=stacked), "steps_per_epoch": steps}
        return {"x": dataset.apply(tf.data.experimental.assert_cardinality(steps))}

    # Counting comes first, so that others see the place; saving last, when they have done theirs.
    options["callbacks"] = [_Count(state), *callbacks, _Save(state, manager, save_steps)]
    histories = []
    if rest < whole and done < epochs:  # fit takes all its epochs to be as long as the first
        histories.append(model.fit(**data(rest), initial_epoch=done, epochs=done + 1, **options))
        done += 1
    if not histories or (done < epochs and not model.stop_training):
        histories.append(model.fit(**data(whole), initial_epoch=done, epochs=epochs, **options))
    return _joined(histories)


class _Count(tf.keras.callbacks.Callback):
    """Tells the state how many batches were trained on."""

    def __init__(self, state: InputState):
        super().__init__()
        self._state = state

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # Several with steps_per_execution; Keras 3 counts more than there are in an epoch's last.
        batches = min(batch + 1, self.params["steps"])
        self._state.trained(batches - self._batches)
        self._batches = batches


class _Save(tf.keras.callbacks.Callback):
    """Saves every so many batches within an epoch, and at its end."""

    def __init__(self, state: InputState, manager: Any, save_steps: int | None):
        super().__init__()
        self._state, self._manager = state, manager
        if worker := state.context.input_pipeline_id:  # only the chief's are restored
            folder = os.path.join(manager.directory, f"tmp_worker_{worker}")
            self._manager = tf.train.CheckpointManager(manager.checkpoint, folder, max_to_keep=1)
        if save_steps is not None:
            checks.whole_number("save_steps", save_steps, 1)
        self._save_steps = save_steps

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._saved = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        batches = batch + 1
        is_due = self._save_steps and batches - self._saved >= self._save_steps
        if is_due and batches < self.params["steps"]:
            self._save()
            self._saved = batches

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._save()

    def _save(self) -> None:
        self._manager.save()
        if not self._state.is_in_checkpoint:
            raise SamplingError(
                "the manager's checkpoint has no InputState, expected this one; make it by "
                "tf.train.Checkpoint(model=model, optimizer=model.optimizer, input=state)"
            )


def _check_in_checkpoint(state: InputState, manager: Any) -> None:
    if manager.latest_checkpoint and not state.is_in_checkpoint:
        raise SamplingError(
            f"{manager.latest_checkpoint} was not restored, or has no state of the input; restore "
            "it with the state as a part of the checkpoint, or name another directory"
        )


def _check_strategy(state: InputState, model: Any) -> None:
    version = getattr(tf.keras, "__version__", "2")
    if version < "3" or not isinstance(model, tf.keras.Model):
        return
    if state.workers > 1:
        raise SamplingError(
            f"TF_CONFIG names {state.workers} workers and the model is of Keras {version}, which "
            "has no MultiWorkerMirroredStrategy; train on TensorFlow 2.15, or in one process"
        )
    if getattr(model, "_distribute_strategy", None) is not None:
        raise SamplingError(
            f"the model was made in a strategy's scope by Keras {version}, whose fit begins with a "
            "batch that it does not train on; use TensorFlow 2.15, or no strategy"
        )


def _joined(histories: Sequence[Any]) -> Any:
    """One History of consecutive ones."""
    last = histories[-1]
    for earlier in reversed(histories[:-1]):
        last.epoch = earlier.epoch + last.epoch
        for name, values in earlier.history.items():
            last.history[name] = values + last.history.get(name, [])
    return last
