"""Keras on an input function's Datasets: `fit`, `evaluate`, `predict`, and models that are saved.

Of Keras 2 or Keras 3, whichever comes with the TensorFlow that is there.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from sampling import Schema
from tests.conftest import ids_of, write_classes

README = Path(__file__).parent.parent / "sampling/README.md"
EPOCHS = 3
NUMBERS = ["x", "id"]


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """100 positives, 2,000 negatives: x tells them apart."""
    return write_classes(tmp_path_factory.mktemp("classes"), 100, 2000, 2, 4)


def keras_model(optimizer="adam"):
    """Takes the numbers by name."""
    inputs = {name: tf.keras.Input([1], name=name) for name in NUMBERS}
    joined = tf.keras.layers.Concatenate()([inputs[name] for name in NUMBERS])
    scaled = tf.keras.layers.Rescaling(1 / 500)(joined)
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, activation="sigmoid")(scaled))
    model.compile(optimizer, "binary_crossentropy", weighted_metrics=["accuracy"])
    return model


def in_columns(dataset):
    """Numbers as the model takes them, float32 [batch, 1]."""

    def columns(features):
        return {name: tf.cast(features[name], tf.float32)[:, tf.newaxis] for name in NUMBERS}

    return dataset.map(lambda features, labels, weights: (columns(features), labels, weights))


def recorded(dataset, seen):
    """The Dataset; the ids of the batches that are taken from it are appended to `seen`."""

    def record(features, labels, weights):
        tf.numpy_function(lambda ids: seen.append(ids), [features["id"]], [])
        return features, labels, weights

    return dataset.map(record)


def stream_of(input_fn, batches):
    return ids_of(list(itertools.islice(input_fn.batches(), batches)))


@pytest.mark.parametrize("with_steps", [True, False])
@pytest.mark.parametrize("validated", [True, False])
def test_every_epoch_of_fit_goes_on_with_fresh_negatives(classes, with_steps, validated):
    seen = []
    input_fn = classes.train(weight="auto", batch_size=32)
    test = in_columns(classes.test(batch_size=500).dataset(NUMBERS))
    history = keras_model().fit(
        in_columns(recorded(input_fn.dataset(NUMBERS), seen)),
        epochs=EPOCHS,
        steps_per_epoch=input_fn.steps_per_epoch if with_steps else None,
        validation_data=test if validated else None,
        verbose=0,
    )
    assert len(history.history["loss"]) == EPOCHS
    steps = input_fn.steps_per_epoch * EPOCHS
    expected = stream_of(classes.train(num_epochs=None, batch_size=32), steps)
    np.testing.assert_array_equal(np.concatenate(seen), expected)
    epochs = np.split(expected, EPOCHS)
    negatives = [set(ids[ids >= 100]) for ids in epochs]
    assert len(set.union(*negatives)) == 100 * EPOCHS
    assert all(set(range(100)) <= set(ids) for ids in epochs)


@pytest.mark.parametrize("steps", [3, 7, 8, 20])
def test_epochs_of_any_number_of_steps_from_an_endless_dataset(classes, steps):
    """An epoch of the files has 7."""
    seen = []
    input_fn = classes.train(num_epochs=None, batch_size=32)
    dataset = in_columns(recorded(input_fn.dataset(NUMBERS), seen))
    history = keras_model().fit(dataset, steps_per_epoch=steps, epochs=EPOCHS, verbose=0)
    assert len(history.history["loss"]) == EPOCHS
    # tf.data has the map run a few batches ahead, of one iteration that never ends
    assert steps * EPOCHS <= len(seen) < steps * EPOCHS + 8
    expected = stream_of(classes.train(num_epochs=None, batch_size=32), len(seen))
    np.testing.assert_array_equal(np.concatenate(seen), expected)


def test_all_test_rows_are_evaluated_in_every_epoch(classes):
    model = keras_model(tf.keras.optimizers.SGD(0.0))
    test = in_columns(classes.test(batch_size=500).dataset(NUMBERS))
    train = in_columns(classes.train().dataset(NUMBERS))
    history = model.fit(train, validation_data=test, epochs=EPOCHS, verbose=0).history
    probabilities = model.predict(test.map(lambda features, *_: features), verbose=0)[:, 0]
    labels = np.concatenate([labels for _, labels, _ in classes.test().batches()])
    loss = -np.log(np.where(labels == 1, probabilities, 1 - probabilities)).mean()
    np.testing.assert_allclose(history["val_loss"], [loss] * EPOCHS, rtol=1e-4)
    np.testing.assert_allclose(model.evaluate(test, verbose=0)[0], loss, rtol=1e-4)


def test_outputs_are_probabilities_of_the_files_without_class_weight(classes):
    """A model of nothing but a bias finds the share of positives: 100 of 2,100, not of 200."""
    inputs = tf.keras.Input([1], name="x")
    nothing = tf.keras.layers.Rescaling(0.0)(inputs)
    model = tf.keras.Model({"x": inputs}, tf.keras.layers.Dense(1, "sigmoid")(nothing))
    model.compile(tf.keras.optimizers.Adam(0.2), "binary_crossentropy")
    train = classes.train(num_epochs=40, batch_size=200, weight="auto").dataset(["x"])
    model.fit(train, epochs=3, verbose=0)
    found = model.predict(classes.test().dataset(["x"]), verbose=0)
    np.testing.assert_allclose(found, 100 / 2100, rtol=0.02)


def test_a_stacked_matrix_trains_the_same_model(classes):
    by_name = keras_model("sgd")
    inputs = tf.keras.Input([2])
    scaled = tf.keras.layers.Rescaling(1 / 500)(inputs)
    stacked = tf.keras.Model(inputs, tf.keras.layers.Dense(1, activation="sigmoid")(scaled))
    stacked.set_weights(by_name.get_weights())
    stacked.compile("sgd", "binary_crossentropy")
    expected = by_name.fit(in_columns(classes.train().dataset(NUMBERS)), epochs=2, verbose=0)
    found = stacked.fit(classes.train().dataset(NUMBERS, stacked=True), epochs=2, verbose=0)
    np.testing.assert_allclose(found.history["loss"], expected.history["loss"], rtol=1e-5)
    test = classes.test().dataset(NUMBERS, stacked=True)
    assert stacked.predict(test, verbose=0).shape == (2100, 1)


def test_datasets_go_to_fit_evaluate_and_predict_as_they_are(classes):
    model = tf.keras.Sequential([tf.keras.Input([1]), tf.keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    model.fit(classes.train(num_epochs=None).dataset("x", stacked=True), steps_per_epoch=5)
    model.evaluate(classes.test().dataset("x", stacked=True), verbose=0)
    assert model.predict(classes.test().dataset("x", stacked=True), verbose=0).shape == (2100, 1)


def test_tf_data_does_not_shard(classes):
    policy = classes.train().dataset().options().experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.OFF


@pytest.fixture(scope="module")
def trained(classes):
    """A model that takes a string, too."""
    inputs = {
        "city": tf.keras.Input([1], name="city", dtype="string"),
        "x": tf.keras.Input([1], name="x"),
    }
    codes = tf.keras.layers.Hashing(8, output_mode="one_hot")(inputs["city"])
    scaled = tf.keras.layers.Rescaling(1 / 500)(inputs["x"])
    joined = tf.keras.layers.Concatenate()([scaled, codes])
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, activation="sigmoid")(joined))
    model.compile("adam", "binary_crossentropy")
    model.fit(classes.train(weight="auto").dataset(["city", "x"]).map(column_by_column), verbose=0)
    return model


def column_by_column(features, *rest):
    return {name: column[:, tf.newaxis] for name, column in features.items()}, *rest


def some_rows(classes):
    features, *_ = next(iter(classes.test(batch_size=50).dataset(["city", "x"])))
    return column_by_column(features)[0]


def test_a_saved_model_is_the_same_model(trained, classes, tmp_path):
    rows = some_rows(classes)
    trained.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(tmp_path / "model.keras")
    expected = trained.predict(rows, verbose=0)
    np.testing.assert_allclose(loaded.predict(rows, verbose=0), expected, rtol=1e-6)
    assert len(np.unique(expected)) > 30


def test_an_exported_model_answers_features_by_name(trained, classes, tmp_path):
    rows, path = some_rows(classes), str(tmp_path / "export")
    if keras.__version__.startswith("2."):
        trained.save(path)
    else:
        trained.export(path, verbose=False)
    answer = tf.saved_model.load(path).signatures["serving_default"]
    assert set(answer.structured_input_signature[1]) == {"city", "x"}
    (found,) = answer(**rows).values()
    np.testing.assert_allclose(found, trained.predict(rows, verbose=0), rtol=1e-6)


def write(path, rows, bought):
    rng = np.random.default_rng(rows)
    frame = pd.DataFrame({"age": rng.integers(18, 90, rows), "income": rng.lognormal(1, 1, rows)})
    frame["bought"] = bought
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)


@pytest.mark.once
def test_the_examples_of_the_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Path("data/train/positive/a.csv"), 40, 1)
    write(Path("data/train/negative/a.csv"), 1000, 0)
    write(Path("data/test/a.csv"), 100, np.arange(100) % 10 // 9)
    for number in range(2):
        photo = tf.io.encode_png(tf.fill([8, 8, 3], tf.cast(number, tf.uint8)))
        Path(f"photos/{number}").mkdir(parents=True)
        tf.io.write_file(f"photos/{number}/a.png", photo)
    section = README.read_text().split("\n## Keras\n")[1].split("\n## ")[0]
    photographic = [tf.keras.Input([64, 64, 3]), tf.keras.layers.GlobalAveragePooling2D()]
    classifier = tf.keras.Sequential([*photographic, tf.keras.layers.Dense(2, "softmax")])
    classifier.compile("adam", "categorical_crossentropy")
    schema = Schema.from_dict({"age": int, "income": float, "bought": int}, label="bought")
    names = {"tf": tf, "schema": schema, "classifier": classifier}
    for example in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        exec(example, names)
    assert len(names["model"].history.history["val_loss"]) == 5
    assert len(classifier.history.history["loss"]) == 5
