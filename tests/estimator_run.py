"""Trains, exports and loads Estimators; the same on every TensorFlow, and prints what came out.

    python -m tests.estimator_run make FOLDER    # makes models in FOLDER
    python -m tests.estimator_run train FOLDER   # makes them, then as `use`
    python -m tests.estimator_run use FOLDER     # evaluates them, trains them on, serves them

Of the library it needs sampling.estimator alone. The output is a line of JSON. With the output of
another run in a file as a third argument, it fails if a figure is not the same to 1e-4.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import sampling.estimator

ROWS, BATCH, STEPS = 640, 32, 20  # all rows once
COLUMNS = [tf.feature_column.numeric_column("x", [3])]


def rows() -> tuple[dict[str, np.ndarray], np.ndarray]:
    x = np.random.RandomState(5).normal(size=(ROWS, 3)).astype(np.float32)
    weight = np.where(x[:, 1] > 0, 2, 1).astype(np.float32)
    return {"x": x, "weight": weight}, (x @ [1, -1, 0.5] > 0.3).astype(np.int64)


def input_fn() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(rows()).batch(BATCH)


def canned(model_dir: Path) -> Any:
    return tf.estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=COLUMNS,
        dnn_feature_columns=COLUMNS,
        dnn_hidden_units=[8, 4],
        dnn_optimizer="Adam",
        weight_column="weight",
        config=tf.estimator.RunConfig(str(model_dir), tf_random_seed=7),
    )


def custom_model(features: Any, labels: Any, mode: str) -> Any:
    keras = sampling.estimator.legacy_keras()
    # A RunConfig's seed is for TensorFlow's variables alone.
    first, second = (keras.initializers.GlorotUniform(seed) for seed in (7, 8))
    hidden = keras.layers.Dense(4, "relu", kernel_initializer=first)
    net = keras.Sequential([hidden, keras.layers.Dense(1, kernel_initializer=second)])
    head = tf.estimator.BinaryClassHead(weight_column="weight")
    logits = net(features["x"], training=mode == tf.estimator.ModeKeys.TRAIN)
    optimizer = keras.optimizers.legacy.SGD(0.1, momentum=0.9)
    optimizer.iterations = tf.compat.v1.train.get_or_create_global_step()
    return head.create_estimator_spec(
        features, mode, logits, labels, optimizer, trainable_variables=net.trainable_variables
    )


def custom(model_dir: Path) -> Any:
    config = tf.estimator.RunConfig(str(model_dir), tf_random_seed=7)
    return tf.estimator.Estimator(custom_model, config=config)


def receive() -> Any:
    x = tf.compat.v1.placeholder(tf.float32, [None, 3], "x")
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})


def train(folder: Path) -> None:
    """A canned Estimator, and a custom one with evaluations and an exporter."""
    estimator = canned(folder / "canned")
    estimator.train(input_fn)
    estimator.export_saved_model(str(folder / "export" / "canned"), receive)

    counter = tf.estimator.StepCounterHook(every_n_steps=10, output_dir=str(folder / "counter"))
    exporter = tf.estimator.LatestExporter("latest", receive)
    tf.estimator.train_and_evaluate(
        custom(folder / "custom"),
        tf.estimator.TrainSpec(lambda: input_fn().repeat(2), 2 * STEPS, [counter]),
        tf.estimator.EvalSpec(input_fn, None, exporters=exporter),
    )
    (folder / "custom" / "export" / "latest").rename(folder / "export" / "custom")
    assert next((folder / "counter").glob("events*")).stat().st_size > 0
    for name, make in (("canned", canned), ("custom", custom)):
        predicted = itertools.islice(make(folder / name).predict(input_fn), 8)
        expected = [each["probabilities"][1] for each in predicted]
        np.testing.assert_allclose(served(folder / "export" / name), expected, atol=1e-6)


def served(export: Path) -> list[float]:
    """The probabilities of the first rows, by the only model there."""
    v1 = tf.compat.v1  # in a session, which makes no function of each signature
    with v1.Session(graph=tf.Graph()) as session:
        loaded = v1.saved_model.load(session, ["serve"], str(next(export.iterdir())))
        signature = loaded.signature_def["predict"]
        feed = {signature.inputs["x"].name: rows()[0]["x"][:8]}
        answer = session.run(signature.outputs["probabilities"].name, feed)
    return answer[:, 1].tolist()


def use(folder: Path) -> dict[str, Any]:
    """What the models in the folder give: as they are, trained on, and as they are served."""
    found = {}
    for name, make in (("canned", canned), ("custom", custom)):
        estimator = make(folder / name)
        found[name] = plain(estimator.evaluate(input_fn))
        found[f"{name}, served"] = dict(enumerate(served(folder / "export" / name)))
        estimator.train(input_fn)
        found[f"{name}, trained on"] = plain(estimator.evaluate(input_fn))
    return found


def plain(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}


def assert_same(found: dict[str, Any], expected: dict[str, Any], tolerance: float = 1e-4) -> None:
    """The figures of both runs; the versions of TensorFlow are no figures."""
    assert found.keys() == expected.keys()
    for name in sorted(found.keys() - {"TensorFlow"}):
        both = [np.asarray(list(run[name].values())) for run in (found, expected)]
        np.testing.assert_allclose(*both, rtol=0, atol=tolerance, err_msg=name)


def figures(command: str, folder: Path) -> dict[str, Any]:
    """Of models in the folder, which `make` and `train` make there; used in a copy of it."""
    sampling.estimator.install()
    if command in ("make", "train"):
        train(folder)
    if command == "make":
        return {}
    copy = folder.with_name(f"{folder.name}-used-by-{tf.__version__}")
    shutil.copytree(folder, copy)
    return {"TensorFlow": tf.__version__, **use(copy)}


def main(command: str, folder: Path, other: Path | None = None) -> None:
    found = figures(command, folder)
    print(json.dumps(found))
    if other is not None:
        assert_same(found, json.loads(other.read_text()))


if __name__ == "__main__":
    main(sys.argv[1], *(Path(each).absolute() for each in sys.argv[2:]))
