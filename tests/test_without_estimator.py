"""What asks for an Estimator where TensorFlow has none says so, before anything else."""

from __future__ import annotations

import types

import pytest
import tensorflow as tf

from sampling import Schema
from sampling.estimator.forwarding import forward_features
from sampling.estimator.serving import serving_input_receiver_fn
from trainer import task

SCHEMA = Schema.from_dict({"x": float, "label": int}, label="label")
SENTENCE = r"TensorFlow \S+ has no tf\.estimator, expected 2\.15 or older; install .*\[estimator\]"


@pytest.fixture(autouse=True)
def without(monkeypatch):
    """For real on today's TensorFlow."""
    if hasattr(tf, "estimator"):
        today = types.SimpleNamespace(__version__="2.21.0")
        monkeypatch.setattr("sampling.estimator.forwarding.tf", today)


@pytest.mark.parametrize(
    "ask", [lambda: forward_features(None, "x"), lambda: serving_input_receiver_fn(SCHEMA)]
)
def test_the_library_says_so(ask):
    with pytest.raises(ImportError, match=SENTENCE):
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
