"""Workers that train in step: the rows of each, when they are killed, too."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import tensorflow as tf

from sampling.checkpoint.estimator import InputStateListener
from sampling.checkpoint.exchange import StateExchange
from sampling.checkpoint.in_step import SaveInStep
from sampling.input_fn import cluster
from sampling.order.shares import Shard
from tests import in_step
from tests.conftest import write_classes
from tests.test_resume import estimator

keras_2 = pytest.mark.skipif(
    getattr(tf.keras, "__version__", "2") >= "3", reason="Keras 3 does not train in step"
)


# In full by tests.stress_clusters: three workers, canned Estimators, more kills.
@pytest.mark.parametrize(
    ("name", "workers"), [("custom", 2), pytest.param("keras", 2, marks=keras_2), ("mirrored", 1)]
)
def test_a_killed_training_is_that_of_one_never_killed(tmp_path, name, workers):
    write_classes(tmp_path, 61, 1000, 2, 5)
    batches = in_step.expected(name, tmp_path, workers)
    in_step.train(name, tmp_path, tmp_path, workers, kill_after=9)
    in_step.train(name, tmp_path, tmp_path, workers)
    assert in_step.trained(tmp_path, workers) == batches
    starts = [in_step.resumed(tmp_path, index) for index in range(workers)]
    assert starts[0][0] == 0 < starts[0][1]
    assert all(each == starts[0] for each in starts)


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_in_one_epoch_of_all_workers_each_row_comes_once(tmp_path, workers):
    write_classes(tmp_path, 61, 1000, 2, 5)
    input_fn = in_step.make_input(tmp_path)
    context = tf.distribute.InputContext(workers, 0, workers)
    steps = input_fn.global_steps_per_epoch(input_context=context)
    of_workers = in_step.expected("custom", tmp_path, workers)
    assert [max(batches) for batches in of_workers] == [in_step.EPOCHS * steps] * workers
    ids = sum((in_step.ids(batches, range(1, steps + 1)) for batches in of_workers), [])
    assert len(ids) == len(set(ids)) == input_fn.rows_per_epoch
    assert set(range(61)) < set(ids)


@pytest.mark.parametrize("lengths", [(3, 5), (1024, 2), (1010, 1500, 5000)])
def test_states_of_any_length_come_to_all_workers(lengths, monkeypatch):
    number = len(lengths)
    states = [
        {"worker": [index, number, True, 1], "text": "é" * length}
        for index, length in enumerate(lengths)
    ]
    barrier, given = threading.Barrier(number), [None] * number

    def summed(self, own):
        given[self._index] = own
        barrier.wait()
        total = tf.add_n(given)
        barrier.wait()
        return total

    monkeypatch.setattr(StateExchange, "_summed", summed)
    with ThreadPoolExecutor(number) as pool:
        found = list(pool.map(lambda state: StateExchange(state, None)(state), states))
    assert found == [states] * number


@pytest.mark.parametrize("options", [{}, {"save_checkpoints_steps": 5}])
def test_checkpoints_without_the_state_are_refused(classes, tmp_path, options):
    config = tf.estimator.RunConfig(str(tmp_path), **options)
    with pytest.raises(ValueError, match=r"expected None.*RunConfig\(save_checkpoints_secs=None"):
        SaveInStep(classes.train(), config, save_steps=5)


def test_a_listener_of_workers_that_do_not_wait_is_refused(classes, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "shard", lambda *_: Shard(0, 2))
    input_fn = classes.train()
    with pytest.raises(ValueError, match="2 workers that do not train in step"):
        estimator(tmp_path).train(
            input_fn, saving_listeners=[InputStateListener(input_fn, str(tmp_path))]
        )
