"""Which worker this is: by TF_CONFIG, RunConfig and InputContext."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf

from sampling.input_fn import cluster
from sampling.order.shares import EVERYTHING, Shard
from tests.conftest import ids_of

CLUSTER = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:1"]}


def config_of(cluster_, type_, index=0):
    return json.dumps({"cluster": cluster_, "task": {"type": type_, "index": index}})


@pytest.fixture
def run_config(monkeypatch):
    def make(*arguments, **options):
        monkeypatch.setenv("TF_CONFIG", config_of(*arguments))
        return tf.estimator.RunConfig(**options)

    return make


@pytest.mark.parametrize("text", ["", " ", "{}", '{"cluster": {}}', '{"task": {}}'])
def test_without_a_cluster_or_a_task_the_process_is_alone(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    assert cluster.task() == cluster.Task()
    assert cluster.shard("train", None, None) == cluster.shard(None, None, None) == EVERYTHING
    monkeypatch.delenv("TF_CONFIG")
    assert cluster.shard("train", tf.estimator.RunConfig(), None) == EVERYTHING
    assert cluster.task() == cluster.Task()


@pytest.mark.parametrize(
    ("type_", "index", "shard"),
    [
        ("chief", 0, Shard(0, 3)),
        ("worker", 0, Shard(1, 3)),
        ("worker", 1, Shard(2, 3)),
        ("ps", 0, EVERYTHING),
        ("evaluator", 0, EVERYTHING),
    ],
)
def test_the_chief_is_worker_0_and_worker_i_the_next(type_, index, shard, run_config, monkeypatch):
    config = run_config(CLUSTER, type_, index)
    assert cluster.task().shard == shard
    assert cluster.shard("train", config, None) == cluster.shard(None, config, None) == shard
    assert cluster.shard("eval", config, None) == EVERYTHING
    monkeypatch.delenv("TF_CONFIG")
    assert cluster.shard("train", config, None) == shard  # the RunConfig knows
    assert (cluster.task(config_of(CLUSTER, type_, index)).shard) == shard


def test_master_counts_as_chief(run_config):
    masters = {"master": ["a:1"], "worker": ["b:1"], "ps": ["d:1"]}
    for type_, index in (("master", 0), ("worker", 1)):
        config = run_config(masters, type_)
        assert cluster.shard("train", config, None) == Shard(index, 2)
        assert cluster.task().shard == Shard(index, 2)


def test_workers_without_a_chief_and_without_parameter_servers_count_from_0():
    task = cluster.task(config_of({"worker": ["a:1", "b:1"]}, "worker", 1))
    assert task.shard == Shard(1, 2)


def test_an_index_may_be_a_text():
    assert cluster.task(config_of(CLUSTER, "worker", "1")).shard == Shard(2, 3)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{chief}", "TF_CONFIG is '{chief}', which is not JSON"),
        ("[]", "expected a JSON object"),
        ('{"cluster": 3}', "'cluster' in TF_CONFIG is 3"),
        ('{"task": "chief"}', "'task' in TF_CONFIG is 'chief'"),
        (
            config_of({"worker": ["b:1"], "ps": ["c:1"]}, "worker"),
            r"worker \(1\), ps \(1\) without a",
        ),
        (config_of(CLUSTER | {"master": ["e:1"]}, "chief"), "expected one chief"),
        (
            config_of(CLUSTER, "trainer"),
            "the task is 'trainer', expected one of its cluster, chief",
        ),
        (config_of({"chief": ["a:1"], "worker": []}, "ps"), "the task is 'ps'"),
        (config_of(CLUSTER, None), "the task is None"),
        (config_of(CLUSTER, "worker", 2), "worker 2, expected a number from 0 to 1"),
        (config_of(CLUSTER, "worker", -1), "worker -1"),
        (config_of(CLUSTER, "worker", None), "worker None"),
        (config_of(CLUSTER, "worker", True), "worker True"),
        (
            config_of(CLUSTER | {"worker": 5}, "chief"),
            "in the cluster of TF_CONFIG is 5, expected a",
        ),
        (
            config_of(CLUSTER | {"worker": None}, "chief"),
            "TF_CONFIG is None, expected a list",
        ),
        (
            config_of(CLUSTER | {"worker": "host:1234"}, "chief"),
            "TF_CONFIG is 'host:1234', exp",
        ),
        (
            config_of(CLUSTER | {"worker": ["b:1", None]}, "chief"),
            r"is \['b:1', None\], expected",
        ),
        (config_of(CLUSTER | {"ps": {"0": "d:1"}}, "chief"), "'ps' in the cluster of TF_CONFIG is"),
        (config_of(CLUSTER, ["chief"]), r"the task is \['chief'\]"),
        ('{"cluster": ' + "[" * 100_000, r"\(100,0\d\d characters\), which is nested too deeply"),
    ],
)
def test_what_is_wrong_with_tf_config_is_said(text, named, monkeypatch, classes):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=named):
        cluster.task()
    with pytest.raises(ValueError, match=named):
        classes.train().dataset()


def test_where_tf_config_names_workers_the_user_says_whether_rows_are_divided(
    classes, monkeypatch, run_config
):
    config = run_config(CLUSTER, "worker", 1)
    input_fn = classes.train()
    for call in (input_fn, input_fn.dataset, input_fn.batches):
        with pytest.raises(ValueError, match="TF_CONFIG names 3 workers.*InputContext"):
            call()
    everything = tf.distribute.InputContext()
    assert len(ids_of(list(input_fn.batches(input_context=everything)))) == 120
    assert len(ids_of(list(input_fn(config=config)))) == 40
    monkeypatch.setenv("TF_CONFIG", config_of(CLUSTER, "evaluator"))
    assert len(ids_of(list(input_fn.batches()))) == 120


def test_workers_with_parameter_servers_are_not_padded_and_every_batch_is_a_step(
    classes, run_config
):
    ids, steps = [], 0
    for type_, index in (("chief", 0), ("worker", 0), ("worker", 1)):
        config = run_config(CLUSTER, type_, index)
        input_fn = classes.train(batch_size=7, pool_rows=20)
        batches = list(input_fn("train", {}, config, None))
        assert all((features["weight"] > 0).numpy().all() for features, _ in batches)
        steps += len(batches)
        ids.append([int(i) for i in ids_of(batches)])
    assert steps == input_fn.global_steps_per_epoch(config)
    assert [len(each) for each in ids] == input_fn.rows_per_worker(3)
    together = [row for each in ids for row in each]
    assert len(together) == len(set(together)) == 120


def test_a_strategy_of_parameter_servers_is_not_in_step(run_config, classes):
    context = tf.distribute.InputContext(2, 1)
    strategy = tf.compat.v1.distribute.experimental.ParameterServerStrategy()
    config = run_config(CLUSTER, "chief", train_distribute=strategy)
    assert classes.train(batch_size=7).global_steps_per_epoch(config) == 3 * 6  # 40 rows each
    assert cluster.shard("train", config, context) == Shard(1, 2)
    assert cluster.shard("train", None, context) == Shard(1, 2, padded=True)
    assert cluster.shard("eval", None, context) == Shard(1, 2, padded=True)


@pytest.mark.parametrize(("batch_size", "steps"), [(8, 8), (9, 7), (16, 4), (50, 2)])
def test_every_replica_of_one_process_has_a_batch_in_every_step(classes, batch_size, steps):
    """120 rows; an odd number of batches would leave one of two replicas waiting for ever."""
    context = tf.distribute.InputContext(1, 0, num_replicas_in_sync=2)
    input_fn = classes.train(batch_size=batch_size, num_epochs=3)
    batches = list(input_fn.dataset(input_context=context))
    weights = np.concatenate([weights for *_, weights in batches])
    assert len(batches) == 3 * 2 * steps
    assert input_fn.global_steps_per_epoch(input_context=context) == steps
    assert np.count_nonzero(weights) == 3 * 120
    assert len(set(ids_of(batches).tolist())) == 60 + 3 * 60


def test_a_mirrored_strategy_knows_its_replicas(classes, monkeypatch):
    class Strategy:
        num_replicas_in_sync = 2

    config = tf.estimator.RunConfig()
    monkeypatch.setattr(config, "_train_distribute", Strategy())
    assert classes.train(batch_size=8).global_steps_per_epoch(config) == 8
