"""tf.estimator where TensorFlow has none of its own, beside a tf.keras that stays as it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import sampling.estimator
from sampling.estimator import private_names

own = pytest.mark.skipif(
    tf.__version__.startswith("2.15."), reason="TensorFlow 2.15 has its own tf.estimator"
)


def run(code: str, **environment: str) -> str:
    """What a process of its own prints."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_where_there_is_one_it_stays():
    before = tf.estimator  # or that of an install before
    assert sampling.estimator.install() is before is tf.estimator


ALL_WAYS = """
import sys, sampling.estimator
assert "tensorflow" not in sys.modules, "TensorFlow is imported"
import tensorflow as tf
try:
    import tensorflow_estimator
except ImportError:
    pass  # as anybody finds it who tries
else:
    sys.exit("tensorflow-estimator works by itself")
modules = set(sys.modules)
api = sampling.estimator.install()
assert hasattr(tf, "estimator") and hasattr(tf.compat.v1, "estimator")
new = {name.partition(".")[0] for name in set(sys.modules) - modules}
assert new <= {"sampling", "tensorflow"}, f"imported before it is asked for: {new}"

import tensorflow.compat.v1 as tf1
import tensorflow.estimator
import tensorflow.estimator.export
from tensorflow import estimator
from tensorflow.compat.v1.estimator import DNNClassifier as FirstDNNClassifier
from tensorflow.estimator import DNNClassifier, ModeKeys
from tensorflow.estimator.export import PredictOutput
from tensorflow_estimator.python.estimator.canned.dnn import DNNClassifierV2

assert DNNClassifier is DNNClassifierV2 is api.DNNClassifier is tf.compat.v2.estimator.DNNClassifier
assert FirstDNNClassifier is tf1.estimator.DNNClassifier is tf.compat.v1.estimator.DNNClassifier
assert FirstDNNClassifier is not DNNClassifier
assert PredictOutput is tf.estimator.export.PredictOutput
assert {"DNNClassifier", "Estimator", "RunConfig", "train_and_evaluate"} <= set(dir(tf.estimator))
assert tf.keras.__version__.startswith("3.") and "keras" in tf.keras.layers.Dense.__module__
"""


@own
def test_it_is_found_in_all_ways_and_imported_when_it_is_asked_for():
    run(ALL_WAYS, TF_USE_LEGACY_KERAS="0")


def test_the_examples_of_the_readme_run(capsys):
    readme = Path(sampling.estimator.__file__).with_name("README.md").read_text()
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", readme, re.DOTALL):
        exec(code, names)
    assert "'accuracy'" in capsys.readouterr().out
    assert isinstance(names["optimizer"], sampling.estimator.legacy_keras().optimizers.legacy.Adam)


BOTH = """
import numpy as np, tensorflow as tf, sampling.estimator
sampling.estimator.install()
x = np.random.RandomState(5).normal(size=(640, 3)).astype(np.float32)
y = (x @ [1, -1, 0.5] > 0.3).astype(np.int64)

def fit():
    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Dense(4, "relu"), layers.Dense(1, "sigmoid")])
    model.compile(tf.keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["AUC"])
    model.fit(x, y, batch_size=64, epochs=1, verbose=0, shuffle=False)
    major = getattr(tf.keras, "__version__", "2")[0]
    return [major, *(f"{each:.6f}" for each in model.evaluate(x, y, verbose=0))]

def estimate():
    input_fn = lambda: tf.data.Dataset.from_tensor_slices(({"x": x}, y)).batch(32)
    columns = [tf.feature_column.numeric_column("x", [3])]
    config = tf.estimator.RunConfig(tf_random_seed=3)
    estimator = tf.estimator.DNNClassifier([8], columns, config=config)
    estimator.train(input_fn)
    metrics = estimator.evaluate(input_fn)
    return [f"{metrics[name]:.6f}" for name in ("average_loss", "auc")]

for part in ORDER:
    print(part, *{"keras": fit, "estimator": estimate}[part]())
"""


@own
@pytest.mark.parametrize(
    "runs",
    [
        [("0", "keras estimator keras"), ("1", "estimator keras")],
        pytest.param(
            [("0", "estimator keras"), ("1", "keras estimator keras")], marks=pytest.mark.long
        ),
    ],
)
def test_keras_and_estimators_in_one_process_in_any_order(runs):
    lines: dict[str, set[str]] = {}
    for legacy, order in runs:
        for line in run(
            f"ORDER = {order.split()}\n{BOTH}", TF_USE_LEGACY_KERAS=legacy
        ).splitlines():
            part, _, figures = line.partition(" ")
            lines.setdefault(f"{part} {legacy}", set()).add(figures)
    # Either order gives the same, and Keras what it gives before there is an Estimator.
    assert {name: len(found) for name, found in lines.items()} == dict.fromkeys(lines, 1), lines
    assert lines["estimator 0"] == lines["estimator 1"]
    versions = {name: next(iter(found))[0] for name, found in lines.items() if "keras" in name}
    assert versions == {"keras 0": "3", "keras 1": "2"}


@own
@pytest.mark.parametrize("name", ["TPUEstimator", "TPUEstimatorSpec", "RunConfig", "TPUConfig"])
def test_what_needs_a_tpu_says_that_it_does_not_work(name):
    api = sampling.estimator.install() and tf.compat.v1.estimator
    with pytest.raises(NotImplementedError, match=f"^{name} does not work on TensorFlow 2"):
        getattr(api.tpu, name)(lambda features: features)


@own
def test_a_cluster_driven_from_outside_says_that_it_does_not_work():
    from tensorflow.python.distribute.distribute_config import DistributeConfig

    api = sampling.estimator.install()
    strategy, cluster = tf.distribute.OneDeviceStrategy("cpu:0"), {"worker": ["localhost:1"]}
    given = DistributeConfig(strategy, None, cluster)
    with pytest.raises(NotImplementedError, match="remote_cluster .* with its own TF_CONFIG"):
        api.RunConfig(experimental_distribute=given)


@own
def test_this_tensorflow_has_every_name_that_estimators_rest_on():
    assert len(private_names.used()) > 300
    assert private_names.missing() == []


@own
def test_a_name_that_is_gone_is_named_in_a_sentence(monkeypatch):
    from tensorflow.python.util import function_utils

    sampling.estimator.install()
    monkeypatch.delattr(function_utils, "fn_args")
    monkeypatch.delattr(tf.compat.v1.train, "Scaffold")
    gone = ("tensorflow.compat.v1.train.Scaffold", "tensorflow.python.util.function_utils.fn_args")
    start = f"TensorFlow {tf.__version__} has no"
    for sentence, name in zip(private_names.missing(), gone, strict=True):
        assert sentence.startswith(f"{start} {name}, which tensorflow_estimator/python/estimator/")
        assert sentence.endswith(".py uses")
