"""Going on where workers do not wait for each other: what is kept, discarded, said and refused."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from sampling.checkpoint import server_states
from sampling.checkpoint.server_resume import WorkerState
from sampling.checkpoint.server_training import SaveWhenAllAreDone
from tests.test_readme import example
from tests.test_resume import Log, model_fn

TOTAL = 15  # steps: 3 epochs of 120 rows in batches of 25


class Stop(tf.compat.v1.train.SessionRunHook):
    """Fails after so many batches."""

    def __init__(self, batches, error=KeyboardInterrupt):
        self._left, self._error = batches, error

    def after_run(self, run_context, run_values):
        self._left -= 1
        if self._left == 0:
            raise self._error


def make(classes, **options):
    return classes.train(**{"num_epochs": 3, "batch_size": 25} | options)


def train(input_fn, model_dir, *hooks, every=3, save_steps=4):
    """The chief of a cluster without others; the ids of each batch by step."""
    config = tf.estimator.RunConfig(str(model_dir))
    state, log = WorkerState(input_fn, config, every), Log()
    saver = SaveWhenAllAreDone(state, save_steps=save_steps)
    spec = tf.estimator.TrainSpec(state.input_fn, state.max_steps, [log, state, saver, *hooks])
    evaluation = tf.estimator.EvalSpec(input_fn, steps=1, throttle_secs=600)
    estimator = tf.estimator.Estimator(model_fn, config=config)
    with contextlib.suppress(KeyboardInterrupt):
        tf.estimator.train_and_evaluate(estimator, spec, evaluation)
    return log.batches


def steps(model_dir):
    return server_states.steps_of_states(str(model_dir), 0, 1)


@pytest.mark.once
def test_a_worker_goes_on_from_its_last_state_before_the_checkpoint(classes, tmp_path, capsys):
    whole = train(make(classes), tmp_path / "whole")
    assert list(whole) == list(range(1, TOTAL + 1))
    assert capsys.readouterr().err == ""
    first = train(make(classes), tmp_path / "parts", Stop(11))  # checkpoints 0, 4 and 8
    assert list(first.values()) == list(whole.values())[:11]
    assert steps(tmp_path / "parts") == [0, 3, 6, 9]
    second = train(make(classes), tmp_path / "parts")
    assert list(second.values()) == list(whole.values())[6:]
    said = "worker 0 of 1 goes on after 145 rows; at most 75 of its rows are trained on again\n"
    assert capsys.readouterr().err == said  # 120 in 5 batches, 25
    assert train(make(classes), tmp_path / "parts") == {}
    assert "after 360 rows; at most 0 of its" in capsys.readouterr().err
    more = train(make(classes, num_epochs=4), tmp_path / "parts")
    assert len(more) == 5


def test_the_example_of_the_readme_goes_on(classes, tmp_path):
    names = {"tf": tf, "model_dir": str(tmp_path), "train": make(classes), "test": classes.test()}
    names["estimator"] = tf.estimator.Estimator(model_fn, str(tmp_path))
    train(make(classes), tmp_path, Stop(11))
    exec(example("from sampling.checkpoint.server_resume import WorkerState"), names)
    assert names["estimator"].get_variable_value("global_step") == TOTAL + 2
    assert names["state"].all_are_done


def test_what_is_later_than_the_checkpoint_is_discarded_by_the_chief(classes, tmp_path):
    train(make(classes), tmp_path, Stop(11))
    (tmp_path / "input-state-9-1-of-2.json").write_text("{}")
    train(make(classes), tmp_path, Stop(1))
    assert steps(tmp_path) == [0, 3, 8]  # for checkpoints 0, 4 and 8
    assert not (tmp_path / "input-state-9-1-of-2.json").exists()
    assert all(len(path.read_bytes()) < 1024 for path in tmp_path.glob("input-state-*"))


def test_before_the_first_checkpoint_there_is_nothing_to_go_on_with(classes, tmp_path, capsys):
    train(make(classes), tmp_path, Stop(3))
    assert steps(tmp_path) == [0, 3]
    assert len(train(make(classes, seed=5), tmp_path)) == TOTAL
    assert capsys.readouterr().err == ""


@given(
    st.lists(st.integers(0, 60), min_size=1, unique=True),
    st.lists(st.integers(0, 60), unique=True),
    st.integers(0, 60),
)
def test_every_checkpoint_that_may_come_keeps_the_state_it_needs(states, kept, coming):
    """One that is there, or one that is being written, later than those."""
    left = server_states.needed(states, kept)
    assert left <= set(states)
    for checkpoint in [*kept, *([coming] if coming >= max(kept, default=0) else [])]:
        before = [step for step in states if step <= checkpoint]
        assert not before or max(before) in left


def test_a_worker_whose_model_went_back_ends(classes, tmp_path):
    class StartAgain(Stop):
        def after_run(self, run_context, run_values):
            try:
                super().after_run(run_context, run_values)
            except KeyboardInterrupt:
                server_states.begin(str(tmp_path), 1)

    with pytest.raises(ValueError, match="the chief was started again.*worker 0 of 1.*start this"):
        train(make(classes), tmp_path, StartAgain(4))
    assert steps(tmp_path) == [0, 3]  # none of a run that is over
    lost = Stop(2, tf.errors.AbortedError(None, None, "the server is another one"))
    with pytest.raises(ValueError, match="a parameter server was started again.*start this"):
        train(make(classes), tmp_path, lost)


@pytest.fixture(scope="module")
def stopped(classes, tmp_path_factory):
    """After 5 steps: checkpoint 4, state 3."""
    folder = tmp_path_factory.mktemp("stopped")
    train(make(classes), folder, Stop(5))
    return folder


@pytest.fixture
def spoilt(stopped, tmp_path):
    """A copy of it that can be spoilt."""
    return Path(shutil.copytree(stopped, tmp_path / "spoilt"))


def test_other_inputs_are_named(classes, spoilt):
    with pytest.raises(ValueError, match=r"input-state-3-0-of-1\.json: .*seed = 0.* has 7"):
        train(make(classes, seed=7), spoilt)
    path = spoilt / "input-state-3-0-of-1.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(ValueError, match=r"input-state-3-0-of-1\.json: found 100 char.* no JSON"):
        train(make(classes), spoilt)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"workers": 3}, "ckpt-4 was trained by 3 workers, this cluster has 1.*start 3"),
        ({"workers": "many"}, r"input-state-run\.json: found .*many.*expected key, step and wo"),
        (None, "ckpt-4 was trained without WorkerState"),
    ],
)
def test_a_checkpoint_of_other_workers_is_refused(classes, spoilt, record, message):
    path = spoilt / "input-state-run.json"
    known = json.loads(path.read_text())
    path.unlink()
    if record:
        path.write_text(json.dumps(known | record))
    with pytest.raises(ValueError, match=message):
        train(make(classes), spoilt)


@pytest.fixture
def config_of(monkeypatch, tmp_path):
    """RunConfig of a worker whose chief is to be at that port."""

    def make_(port, type_="worker"):
        cluster = {"chief": [f"127.0.0.1:{port}"], "worker": ["b:1"], "ps": ["c:1"]}
        text = json.dumps({"cluster": cluster, "task": {"type": type_, "index": 0}})
        monkeypatch.setenv("TF_CONFIG", text)
        return tf.estimator.RunConfig(str(tmp_path))

    return make_


def test_a_worker_waits_for_the_chief(classes, tmp_path, config_of, monkeypatch):
    monkeypatch.setattr(server_states, "_WAIT_SECS", 0.0)
    with socket.socket() as chief:
        chief.bind(("127.0.0.1", 0))
        config = config_of(chief.getsockname()[1])
        with pytest.raises(ValueError, match=r"no chief at 127\.0\.0\.1:\d+ for 0 seconds"):
            WorkerState(make(classes), config)
        chief.listen()
        with pytest.raises(ValueError, match="trains in .* without WorkerState"):
            WorkerState(make(classes), config)
        server_states.begin(str(tmp_path), 2)
        state = WorkerState(make(classes), config)
    assert state.max_steps is None and not state.all_are_done
    batches = list(state.input_fn("train", None, config))
    assert sum(len(labels) for _, labels in batches) == 3 * 60


def test_an_evaluator_ends_with_the_last_step(classes, config_of):
    assert WorkerState(make(classes), config_of(1, "evaluator")).max_steps == 3 * 2 * 3


def test_workers_in_step_have_another_hook(classes, monkeypatch, tmp_path):
    class Strategy:
        num_replicas_in_sync = 2

    config = tf.estimator.RunConfig(str(tmp_path))
    monkeypatch.setattr(config, "_train_distribute", Strategy())
    with pytest.raises(ValueError, match=r"train in step.*InputStateListener"):
        WorkerState(make(classes), config)


def test_states_are_of_some_batches_and_somewhere(classes):
    with pytest.raises(ValueError, match="every_steps is 0"):
        WorkerState(make(classes), tf.estimator.RunConfig(), 0)
    with pytest.raises(ValueError, match="model_dir is None"):
        WorkerState(make(classes), tf.estimator.RunConfig())
