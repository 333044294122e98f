"""Keras goes on after a stop: same batches, same weights as of a training never stopped."""

from __future__ import annotations

import json
import re
import types

import numpy as np
import pytest
import tensorflow as tf

from sampling.checkpoint.keras import InputState, fit
from tests.makers import MAKERS, SOME


class Logged(tf.keras.Model):
    """Remembers the ids of each batch trained on."""

    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(1, kernel_initializer="ones")
        self.ids = []

    def call(self, features):
        return self.dense(tf.reshape(features["x"], [-1, 1]) / 300)

    def train_step(self, data):
        if tf.executing_eagerly():
            self.ids.append(tuple(data[0]["id"].numpy()))
        return super().train_step(data)


class StopAfter(tf.keras.callbacks.Callback):
    def __init__(self, batches):
        super().__init__()
        self.left = batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


class Training:
    """A model, its input and its checkpoints: what a process makes when it is started."""

    def __init__(self, input_fn, folder, **compiled):
        self.model = Logged()
        self.model.compile("adam", "mse", **{"run_eagerly": True, **compiled})
        self.model({"x": tf.zeros([2])})
        self.state = InputState(input_fn)
        parts = {"model": self.model, "optimizer": self.model.optimizer, "input": self.state}
        self.checkpoint = tf.train.Checkpoint(**parts)
        self.manager = tf.train.CheckpointManager(self.checkpoint, str(folder), max_to_keep=2)
        self.checkpoint.restore(self.manager.latest_checkpoint)
        self.restored = int(self.model.optimizer.iterations)

    def fit(self, epochs=3, stop=None, save_steps=2, **options):
        options = {"verbose": 0, **options}
        if stop:
            with pytest.raises(KeyboardInterrupt):
                options["callbacks"] = [StopAfter(stop)]
                self._fit(epochs, save_steps, options)
            return None
        return self._fit(epochs, save_steps, options)

    def _fit(self, epochs, save_steps, options):
        names = ["id", "x"]
        return fit(self.model, self.state, self.manager, epochs, names, save_steps, **options)


@pytest.mark.parametrize("name", SOME)
def test_the_batches_that_follow_the_checkpoint_are_trained_on(classes, name, tmp_path):
    batch_size = MAKERS[name](classes).rows_per_epoch // 4 - 1

    def make():
        return MAKERS[name](classes, num_epochs=1, batch_size=batch_size)

    steps = make().steps_per_epoch
    whole = Training(make(), tmp_path / "whole")
    whole.fit()
    assert len(whole.model.ids) == 3 * steps

    stop = steps + steps // 2
    first = Training(make(), tmp_path / "parts")
    first.fit(stop=stop)
    second = Training(make(), tmp_path / "parts")
    history = second.fit()
    assert stop - 2 <= second.restored <= stop
    assert first.model.ids[: second.restored] + second.model.ids == whole.model.ids
    assert history.epoch == [second.restored // steps, 2][-len(history.epoch) :]
    for ours, theirs in zip(second.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert Training(make(), tmp_path / "parts").fit().epoch == []


@pytest.mark.once
@pytest.mark.parametrize("stop", [4, 5, 11])
def test_stopped_more_than_once_in_epochs_of_two(classes, stop, tmp_path):
    """Each epoch of fit has two of the input function: 2 x 5 batches of at most 25 rows."""
    make = lambda: classes.train(num_epochs=2, batch_size=25)  # noqa: E731
    whole, ids = Training(make(), tmp_path / "whole"), []
    whole.fit(epochs=2, save_steps=None)
    while len(ids) < 20:
        part = Training(make(), tmp_path / "parts")
        ids = ids[: part.restored]
        part.fit(epochs=2, stop=stop if stop < 20 - part.restored else None, save_steps=1)
        ids += part.model.ids
    assert ids == whole.model.ids


@pytest.mark.once
def test_fitting_on_in_the_same_process(classes, tmp_path):
    make = lambda: classes.train(batch_size=25)  # noqa: E731
    whole, parts = Training(make(), tmp_path / "whole"), Training(make(), tmp_path / "parts")
    whole.fit(epochs=4)
    parts.fit(epochs=1)
    parts.fit(stop=3)
    parts.fit(epochs=2)
    parts.fit(epochs=4)
    assert parts.model.ids == whole.model.ids


@pytest.mark.once
def test_several_steps_in_one_execution(classes, tmp_path):
    make = lambda: classes.train(batch_size=10)  # noqa: E731
    several = {"run_eagerly": False, "steps_per_execution": 5}
    whole = Training(make(), tmp_path / "whole", **several)
    whole.fit(save_steps=4)
    parts = Training(make(), tmp_path / "parts", **several)
    parts.fit(stop=3, save_steps=4)
    parts = Training(make(), tmp_path / "parts", **several)
    assert parts.restored == 10
    parts.fit(save_steps=4)
    assert parts.state.value == make().state(360)
    for ours, theirs in zip(parts.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_callbacks_change_at_the_end_of_an_epoch_is_saved(classes, tmp_path):
    """A rate that halves every epoch, and would be one epoch behind if it were saved before."""

    class Halve(tf.keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rate = self.model.optimizer.learning_rate
            rate.assign(rate / 2)

    whole = Training(classes.train(batch_size=25), tmp_path / "whole")
    whole.fit(epochs=2, callbacks=[Halve()])
    Training(classes.train(batch_size=25), tmp_path / "parts").fit(epochs=1, callbacks=[Halve()])
    parts = Training(classes.train(batch_size=25), tmp_path / "parts")
    parts.fit(epochs=2, callbacks=[Halve()])
    for ours, theirs in zip(parts.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_features_may_come_as_a_matrix(classes, tmp_path):
    """As the README has it."""
    train = classes.train(batch_size=25)
    model = tf.keras.Sequential([tf.keras.Input([2]), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    state = InputState(train)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer, input=state)
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path), max_to_keep=2)
    checkpoint.restore(manager.latest_checkpoint)
    fit(model, state, manager, epochs=2, features=["id", "x"], stacked=True, save_steps=3)
    assert state.value["epoch"] == 2
    assert len(manager.checkpoints) == 2


def test_stopping_early_in_the_rest_of_an_epoch_ends_it_all(classes, tmp_path):
    class Enough(tf.keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    Training(classes.train(batch_size=25), tmp_path).fit(stop=3)
    part = Training(classes.train(batch_size=25), tmp_path)
    assert part.fit(callbacks=[Enough()]).epoch == [0]
    assert len(part.model.ids) == 3


def test_a_loop_of_ones_own(classes, tmp_path):
    make = lambda: classes.train(num_epochs=None, batch_size=25)  # noqa: E731

    def loop(folder, stop):
        state, ids = InputState(make()), []
        manager = tf.train.CheckpointManager(tf.train.Checkpoint(input=state), folder, 1)
        manager.restore_or_initialize()
        for features, *_ in state.dataset(["id"]).take(stop):
            ids += features["id"].numpy().tolist()
            state.trained()
        manager.save()
        return ids

    whole = loop(tmp_path / "whole", 23)
    assert sum((loop(tmp_path / "parts", stop) for stop in (3, 9, 0, 11)), []) == whole


def test_a_state_is_small(classes):
    assert len(InputState(classes.train()).serialize()) < 1024


def test_what_differs_is_named(classes, tmp_path):
    Training(classes.train(), tmp_path).fit(epochs=1)
    with pytest.raises(ValueError, match="seed = 0, this input function has 3"):
        Training(classes.train(seed=3), tmp_path)
    with pytest.raises(ValueError, match="sampler = 'Downsample'"):
        Training(classes.everything(), tmp_path)


@pytest.mark.parametrize("text", ["", "{}", '{"version": 1, "rows"'])
def test_what_is_no_state_is_refused(classes, text):
    with pytest.raises(ValueError, match="no state"):
        InputState(classes.train()).deserialize(text)


def test_a_state_of_another_version_is_refused(classes):
    state = json.loads(InputState(classes.train()).serialize()) | {"version": 99}
    with pytest.raises(ValueError, match="version 99"):
        InputState(classes.train()).deserialize(json.dumps(state))


def test_another_number_of_workers_is_refused(classes):
    value = InputState(classes.train()).value
    with pytest.raises(ValueError, match="states of 2 workers, expected 1; start as many"):
        InputState(classes.train()).deserialize(json.dumps([value, value]))


def test_keras_without_the_strategy_of_several_workers_is_refused(classes, tmp_path, monkeypatch):
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    monkeypatch.setattr(tf.keras, "__version__", "3.9.0", raising=False)
    training = Training(classes.train(), tmp_path)
    training.state = InputState(classes.train(), types.SimpleNamespace(num_replicas_in_sync=2))
    with pytest.raises(ValueError, match="2 workers and the model is of Keras 3.9.0, which has no"):
        training.fit()


def test_keras_3_reads_a_batch_too_many_with_a_strategy(classes, tmp_path):
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        training = Training(classes.train(batch_size=25), tmp_path, run_eagerly=False)
    if getattr(tf.keras, "__version__", "2") >= "3":
        with pytest.raises(ValueError, match="made in a strategy's scope by Keras 3"):
            training.fit(epochs=2)
    else:
        training.fit(epochs=2)
        assert training.state.value == classes.train(batch_size=25).state(240)


def test_a_checkpoint_not_restored_is_refused(classes, tmp_path):
    Training(classes.train(), tmp_path).fit(epochs=1)
    training = Training(classes.train(), tmp_path)
    training.state = InputState(classes.train())
    with pytest.raises(ValueError, match=r"ckpt-\d+ was not restored"):
        training.fit()


def test_a_checkpoint_without_the_state_is_refused(classes, tmp_path):
    training = Training(classes.train(), tmp_path / "with")
    without = tf.train.Checkpoint(model=training.model)
    training.manager = tf.train.CheckpointManager(without, str(tmp_path / "without"), 1)
    with pytest.raises(ValueError, match="no InputState"):
        training.fit(epochs=1)
    with pytest.raises(ValueError, match=re.escape("has no state of the input")):
        Training(classes.train(), tmp_path / "without").fit(epochs=2)


def test_an_endless_input_has_no_epochs_to_fit(classes, tmp_path):
    with pytest.raises(ValueError, match="num_epochs is None"):
        Training(classes.train(num_epochs=None), tmp_path).fit()


def test_save_steps_is_a_whole_number(classes, tmp_path):
    with pytest.raises(ValueError, match="save_steps is 0"):
        Training(classes.train(), tmp_path).fit(save_steps=0)
