"""What asks for an Estimator where there is none says so, before anything else."""

from __future__ import annotations

import importlib.util

import pytest
import tensorflow as tf

from sampling import Schema
from sampling.estimator.forwarding import forward_features
from sampling.estimator.serving import serving_input_receiver_fn
from trainer import task

SCHEMA = Schema.from_dict({"x": float, "label": int}, label="label")
SENTENCE = r"TensorFlow \S+ has no tf\.estimator, and {}, .* is not installed; .*\[estimator\]"
PACKAGES = ("tensorflow_estimator", "tf_keras")

pytestmark = pytest.mark.skipif(
    tf.__version__.startswith("2.15."), reason="TensorFlow 2.15 has its own tf.estimator"
)


@pytest.fixture(autouse=True, params=PACKAGES)
def absent(request, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.delattr(tf, "estimator")
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == request.param else find_spec(name, *rest),
    )
    return request.param


@pytest.mark.parametrize(
    "ask", [lambda: forward_features(None, "x"), lambda: serving_input_receiver_fn(SCHEMA)]
)
def test_the_library_says_so(ask, absent):
    with pytest.raises(ImportError, match=SENTENCE.format(absent)):
        ask()


@pytest.mark.parametrize("job", ["propensity", "recommender"])
def test_the_trainer_says_so_and_leaves_nothing_behind(job, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        task.main([job, "--mode=train", f"--job-dir={tmp_path / 'job'}"])
    assert stop.value.code == 1
    found = capsys.readouterr()
    assert found.out == "" and found.err.startswith("tf-sampling: error: TensorFlow 2.")
    assert len(found.err.splitlines()) == 1 and "[estimator]" in found.err
    assert not (tmp_path / "job").exists()
