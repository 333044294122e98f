"""Going on after a stop: the batches that follow are those of a training never stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from sampling import InputFn, Schema
from sampling.checkpoint.estimator import InputStateListener, resume
from tests.conftest import SCHEMA
from tests.makers import MAKERS, SOME, TRAINING


class Log(tf.compat.v1.train.SessionRunHook):
    """The ids of each batch trained on, by step."""

    def __init__(self):
        self.batches: dict[int, list[int]] = {}

    def before_run(self, run_context):
        graph = run_context.session.graph
        return tf.compat.v1.train.SessionRunArgs(graph.get_tensor_by_name("trained_ids:0"))

    def after_run(self, run_context, run_values):
        step = int(run_context.session.run(tf.compat.v1.train.get_global_step()))
        self.batches[step] = run_values.results.tolist()


def model_fn(features, labels, mode):
    """A single weight, and a tensor by which a hook sees what was trained on."""
    tf.identity(features["id"], name="trained_ids")
    bias = tf.compat.v1.get_variable("bias", [])
    loss = tf.reduce_mean((tf.cast(labels, tf.float32) - bias) ** 2)
    train_op = tf.compat.v1.train.GradientDescentOptimizer(0.1).minimize(
        loss, tf.compat.v1.train.get_global_step()
    )
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def estimator(model_dir, every=4, keep=5):
    config = tf.estimator.RunConfig(save_checkpoints_steps=every, keep_checkpoint_max=keep)
    return tf.estimator.Estimator(model_fn, str(model_dir), config)


def train(input_fn, model_dir, max_steps=None, every=4, keep=5, resumed=True):
    """Resumes, trains, and returns the ids of each batch by step."""
    if resumed:
        resume(input_fn, str(model_dir))
    log = Log()
    listeners = [InputStateListener(input_fn, str(model_dir))]
    estimator(model_dir, every, keep).train(
        input_fn, [log], max_steps=max_steps, saving_listeners=listeners
    )
    return log.batches


def states(model_dir):
    return {path.name for path in Path(model_dir).glob("input-state-*")}


@pytest.mark.parametrize("name", SOME)
def test_an_estimator_goes_on_with_the_batches_that_follow(classes, name, tmp_path):
    batch_size = MAKERS[name](classes).rows_per_epoch // 4 - 1

    def make():
        return MAKERS[name](classes, num_epochs=3, batch_size=batch_size)

    total = 3 * make().steps_per_epoch
    whole = train(make(), tmp_path / "whole", every=50)
    first = train(make(), tmp_path / "parts", total // 2)
    second = train(make(), tmp_path / "parts", total)
    assert list(whole) == list(range(1, total + 1))
    assert first | second == whole
    assert not set(first) & set(second)


@pytest.mark.once
def test_trained_again_and_again_by_one_input_function(classes, tmp_path):
    make = lambda: classes.train(num_epochs=None, batch_size=50)  # noqa: E731
    whole = train(make(), tmp_path / "whole", 21)
    input_fn, parts = make(), {}
    for steps in (1, 7, 9, 21):
        parts |= train(input_fn, tmp_path / "parts", steps)
    assert parts == whole


def test_without_resuming_the_input_starts_afresh_and_its_state_too(classes, tmp_path):
    make = lambda: classes.train(num_epochs=None, batch_size=50)  # noqa: E731
    first = train(make(), tmp_path, 5)
    again = train(make(), tmp_path, 10, resumed=False)
    assert list(again.values()) == list(first.values())
    following = train(make(), tmp_path, 12)
    assert list(following.values()) == list(train(make(), tmp_path / "other", 7).values())[5:]


@pytest.mark.once
def test_evaluating_the_same_input_function_while_it_trains(classes, tmp_path):
    """train_and_evaluate evaluates by a listener, in the midst of the training."""
    make = lambda: classes.train(num_epochs=3, batch_size=50)  # noqa: E731
    whole = train(make(), tmp_path / "whole")

    def part(steps):
        input_fn, log = make(), Log()
        resume(input_fn, str(tmp_path / "parts"))
        listener = InputStateListener(input_fn, str(tmp_path / "parts"))
        tf.estimator.train_and_evaluate(
            estimator(tmp_path / "parts", every=2),
            tf.estimator.TrainSpec(input_fn, steps, [log], [listener]),
            tf.estimator.EvalSpec(input_fn, steps=2, start_delay_secs=0, throttle_secs=0),
        )
        return log.batches

    assert part(5) | part(9) == whole


def test_every_checkpoint_has_its_state_and_no_other_does(classes, tmp_path):
    input_fn = classes.train(num_epochs=None, batch_size=50)
    (tmp_path / "input-state-3.json").write_text("{}")  # a process was killed before checkpoint 3
    train(input_fn, tmp_path, 9, every=2, keep=3)
    assert states(tmp_path) == {f"input-state-{step}.json" for step in (6, 8, 9)}
    assert {path.stem for path in tmp_path.glob("*.index")} == {
        f"model.ckpt-{step}" for step in (6, 8, 9)
    }
    assert all(len(path.read_bytes()) < 1024 for path in tmp_path.glob("input-state-*"))


def test_the_state_is_written_before_the_checkpoint(classes, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise KeyboardInterrupt

    input_fn = classes.train(num_epochs=None, batch_size=50)
    train(input_fn, tmp_path, 3)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tf.compat.v1.train.Saver, "save", fail)
        train(input_fn, tmp_path, 6)
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("model.ckpt-3")
    assert resume(input_fn, str(tmp_path)) == 3


def test_nothing_to_go_on_with_is_no_error(classes, tmp_path):
    input_fn = classes.train()
    assert resume(input_fn, str(tmp_path / "nowhere")) == 0
    assert input_fn.state(0) == classes.train().state(0)


@pytest.fixture(scope="module")
def model_dir(classes, tmp_path_factory):
    """A training of 5 steps."""
    folder = tmp_path_factory.mktemp("model")
    train(classes.train(num_epochs=None, batch_size=50), folder, 5)
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 7}, r"input-state-5\.json: .* seed = 0, this input function has 7"),
        ({"multiplier": 2.5}, "with 1 of negative_dir.*with 5/2 of negative_dir"),
        ({"pool_rows": 500, "shuffle": False}, r"pool_rows = 131072.* and with shuffle = True"),
        ({"schema": SCHEMA.from_json(SCHEMA.to_json(), label="label")}, "schema"),
        ({"negative_dir": "negative-000.csv"}, "files = '7 with .*has '3 with "),
        ({"negative_dir": "other rows"}, "with contents = 'checksum .*has 'checksum "),
    ],
)
def test_what_differs_is_named(classes, model_dir, options, message, tmp_path):
    if options.get("negative_dir") == "other rows":  # of the same names and sizes
        for path in classes.folder.glob("negative-*.csv"):
            header, *rows = path.read_text().splitlines(keepends=True)
            (tmp_path / path.name).write_text("".join([header, *reversed(rows)]))
        options = {"negative_dir": str(tmp_path / "negative-*.csv")}
    elif "negative_dir" in options:
        options["negative_dir"] = str(classes.folder / options["negative_dir"])
    given = {"positive_dir": str(classes.folder / "positive-*.csv"), **options}
    given.setdefault("negative_dir", str(classes.folder / "negative-*.csv"))
    with pytest.raises(ValueError, match=message):
        resume(type(classes.train())(**{"schema": SCHEMA, "is_train": True} | given), model_dir)


def test_files_of_a_bucket_are_known_by_some_of_them():
    def put(number, value):
        with tf.io.gfile.GFile(f"ram://known/{number:02}.csv", "w") as file:
            file.write(f"a\n{value}\n")

    def contents():
        return InputFn("ram://known/*.csv", Schema.from_dict({"a": int})).fingerprint()["contents"]

    for number in range(64):
        put(number, 1)
    before = contents()
    put(1, 2)
    assert contents() == before
    put(2, 2)
    assert contents() != before


def test_another_class_is_named(classes, model_dir):
    with pytest.raises(
        ValueError, match="sampler = 'Downsample', this input function has 'AllRows'"
    ):
        resume(classes.everything(), str(model_dir))


@pytest.fixture
def spoilt(model_dir, tmp_path):
    """A copy of it whose state can be spoilt."""
    for path in model_dir.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.parametrize("length", [0, 1, 100])
def test_a_state_cut_off_is_named(classes, spoilt, length):
    path = spoilt / "input-state-5.json"
    path.write_text(path.read_text()[:length])
    with pytest.raises(ValueError, match=rf"input-state-5\.json: found {length} char.* no JSON"):
        resume(classes.train(), str(spoilt))


def test_a_state_of_another_version_is_named(classes, spoilt):
    path = spoilt / "input-state-5.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(ValueError, match=r"input-state-5\.json: .*version 99, expected 4"):
        resume(classes.train(), str(spoilt))


@pytest.mark.parametrize("text", ["[]", "null", '{"version": 1}', '"text"'])
def test_json_that_is_no_state_is_named(classes, spoilt, text):
    (spoilt / "input-state-5.json").write_text(text)
    with pytest.raises(ValueError, match=r"input-state-5\.json: .*no state"):
        resume(classes.train(), str(spoilt))


def test_a_checkpoint_without_a_state_is_named(classes, spoilt):
    (spoilt / "input-state-5.json").unlink()
    with pytest.raises(ValueError, match=r"model\.ckpt-5 has no state.*InputStateListener"):
        resume(classes.train(), str(spoilt))


def test_a_listener_of_another_input_is_refused(classes, tmp_path):
    listener = InputStateListener(classes.train(), str(tmp_path))
    with pytest.raises(ValueError, match="4 batches trained on and none read"):
        estimator(tmp_path).train(
            classes.train(num_epochs=None), steps=5, saving_listeners=[listener]
        )


@pytest.mark.parametrize(("batch_size", "num_epochs"), [(7, 1), (50, 1), (7, 3), (1000, 2)])
@pytest.mark.parametrize("rows", [0, 1, 119, 120, 121, 359, 360])
def test_steps_left_are_the_batches_that_come(classes, batch_size, num_epochs, rows):
    make = lambda: classes.train(num_epochs=num_epochs, batch_size=batch_size)  # noqa: E731
    input_fn = make()
    input_fn.restore(make().state(rows))
    assert input_fn.steps_left == len(list(input_fn.batches()))


def test_an_endless_input_has_no_steps_left(classes):
    with pytest.raises(ValueError, match="num_epochs is None"):
        _ = classes.train(num_epochs=None).steps_left


@pytest.mark.once
@pytest.mark.parametrize("name", TRAINING)
def test_states_by_batches_are_those_by_rows(classes, name):
    """Over several iterations, however far each was followed and whatever is called meanwhile."""
    make = lambda: MAKERS[name](classes, num_epochs=2, batch_size=50)  # noqa: E731
    input_fn = make()
    batches = [len(labels) for _, labels, _ in input_fn.batches()] * 2
    dataset = input_fn.dataset()
    state_after = input_fn.state_by_batches()
    input_fn.batches()
    next(iter(dataset))
    for number in range(0, len(batches) + 1, 7):
        assert state_after(number) == make().state(int(np.sum(batches[:number])))
