"""Workers that train in step: the rows of each, when they are killed, too."""

from __future__ import annotations

import pytest
import tensorflow as tf

from sampling import cluster
from sampling.resume import InputStateListener
from sampling.shards import Shard
from sampling.sync_training import SaveInStep
from tests import in_step
from tests.conftest import write_classes
from tests.test_resume import estimator


@pytest.mark.parametrize("name", ["custom"])
def test_a_killed_cluster_trains_on_what_one_never_killed_would(tmp_path, name):
    write_classes(tmp_path, 61, 1000, 2, 5)
    expected = in_step.expected(tmp_path, 2)
    in_step.train(name, tmp_path, tmp_path, 2, kill_after=19)
    in_step.train(name, tmp_path, tmp_path, 2)
    assert in_step.trained(tmp_path, 2) == expected
    starts = [in_step.resumed(tmp_path, index) for index in range(2)]
    assert starts[0] == starts[1] == [0, starts[0][1]]
    assert starts[0][1] >= 16  # in the second epoch


def test_in_one_epoch_of_all_workers_each_row_comes_once(tmp_path):
    write_classes(tmp_path, 61, 1000, 2, 5)
    rows = in_step.make_input(tmp_path).rows_per_epoch
    for workers in (1, 2, 3):
        steps = in_step.make_input(tmp_path).global_steps_per_epoch(
            input_context=tf.distribute.InputContext(workers, 0, workers)
        )
        of_workers = in_step.expected(tmp_path, workers)
        assert [max(of_steps) for of_steps in of_workers] == [in_step.EPOCHS * steps] * workers
        ids = [in_step.ids(of_steps, range(1, steps + 1)) for of_steps in of_workers]
        together = sum(ids, [])
        assert len(together) == len(set(together)) == rows
        assert set(range(61)) < set(together)


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
