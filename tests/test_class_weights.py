"""Class weights for Datasets of any kind, beside the ones that Keras makes of its class_weight."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sampling import with_class_weights

NUMBERS = np.array([0, 2, 1, 0, 0, 2, 0])
WEIGHTS = {0: 0.5, 1: 7.0, 2: 3.0}
EXPECTED = np.array([0.5, 3, 7, 0.5, 0.5, 3, 0.5], np.float32)
ONE_HOT = np.eye(3)[NUMBERS]
FORMS = {
    "integers": NUMBERS,
    "small integers": NUMBERS.astype(np.uint8),
    "floats": NUMBERS.astype(np.float32),
    "a column of integers": NUMBERS[:, np.newaxis],
    "a column of floats": NUMBERS[:, np.newaxis].astype(np.float32),
    "one-hot floats": ONE_HOT,
    "one-hot integers": ONE_HOT.astype(np.int32),
    "one-hot booleans": ONE_HOT.astype(bool),
}


def dataset_of(labels, *more, batch_size=3):
    features = np.arange(len(NUMBERS) * 4, dtype=np.float32).reshape(-1, 4)
    dataset = tf.data.Dataset.from_tensor_slices((features, labels, *more))
    return dataset.batch(batch_size) if batch_size else dataset


def weights_of(dataset):
    return np.concatenate([np.atleast_1d(weights) for _, _, weights in dataset])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batch_size", [3, None])
def test_every_form_of_labels_gets_the_weights_of_its_classes(form, batch_size):
    dataset = dataset_of(FORMS[form], batch_size=batch_size)
    weighted = with_class_weights(dataset, WEIGHTS)
    assert weighted.element_spec[2].dtype == tf.float32
    assert weighted.element_spec[2].shape.rank == (1 if batch_size else 0)
    assert weighted.cardinality() == dataset.cardinality()
    np.testing.assert_array_equal(weights_of(weighted), EXPECTED)
    for (features, labels), (same_features, same_labels, _) in zip(dataset, weighted, strict=True):
        np.testing.assert_array_equal(features, same_features)
        np.testing.assert_array_equal(labels, same_labels)


@pytest.mark.parametrize("form", ["integers", "one-hot floats", "one-hot integers"])
def test_batches_of_a_known_length(form):
    dataset = dataset_of(FORMS[form], batch_size=None).batch(7, drop_remainder=True)
    np.testing.assert_array_equal(weights_of(with_class_weights(dataset, WEIGHTS)), EXPECTED)


def test_booleans():
    dataset = dataset_of(NUMBERS == 2)
    weighted = with_class_weights(dataset, {False: 1, True: 4})
    np.testing.assert_array_equal(weights_of(weighted), np.where(NUMBERS == 2, 4, 1))


@pytest.mark.parametrize("weights", [[0.5, 7, 3], (0.5, 7, 3), np.array([0.5, 7, 3])])
def test_a_list_counts_classes_from_zero(weights):
    weighted = with_class_weights(dataset_of(NUMBERS), weights)
    np.testing.assert_array_equal(weights_of(weighted), EXPECTED)


def test_class_numbers_may_be_floats_as_scikit_learn_has_them():
    classes = np.unique(NUMBERS.astype(np.float32))
    weighted = with_class_weights(dataset_of(NUMBERS), dict(zip(classes, [1, 5, 9], strict=True)))
    found = np.concatenate([weights for *_, weights in weighted])
    np.testing.assert_array_equal(found, np.choose(NUMBERS, [1, 5, 9]))


def test_arrays_are_no_dataset():
    with pytest.raises(ValueError, match=r"dataset is a tuple.*from_tensor_slices"):
        with_class_weights((NUMBERS, NUMBERS), "balanced")


def test_class_numbers_may_be_any_whole_numbers():
    labels = np.where(NUMBERS == 2, 10**12, -1)
    weighted = with_class_weights(dataset_of(labels), {-1: 1, 10**12: 2.5})
    np.testing.assert_array_equal(weights_of(weighted), np.where(NUMBERS == 2, 2.5, 1))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("weights", ["balanced", Counter(NUMBERS.tolist())], ids=["itself", "told"])
def test_balanced_is_what_scikit_learn_defines(form, weights):
    # n_samples / (n_classes * np.bincount(y))
    expected = len(NUMBERS) / (3 * np.bincount(NUMBERS))[NUMBERS]
    weighted = with_class_weights(dataset_of(FORMS[form]), weights)
    np.testing.assert_allclose(weights_of(weighted), expected, rtol=1e-6)


@settings(max_examples=10)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 70))
def test_balanced_classes_weigh_the_same_and_rows_one_on_average(numbers, batch_size):
    labels = np.array(numbers)
    dataset = tf.data.Dataset.from_tensor_slices((labels, labels)).batch(batch_size)
    weights = weights_of(with_class_weights(dataset, "balanced"))
    masses = [weights[labels == each].sum() for each in set(numbers)]
    np.testing.assert_allclose(masses, masses[0], rtol=1e-5)
    np.testing.assert_allclose(weights.mean(), 1, rtol=1e-5)


def test_a_class_without_rows_does_not_count_but_must_not_come_later():
    counts = Counter({0: 10, 1: 30, 2: 0})
    present = dataset_of(np.eye(3)[[0, 1] * 3 + [0]])
    weights = weights_of(with_class_weights(present, counts))
    np.testing.assert_allclose(weights, ([2, 2 / 3] * 3 + [2]), rtol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"has a weight \(0, 1\).*found"):
        list(with_class_weights(dataset_of(ONE_HOT), counts))


def model_of(classes, loss):
    outputs = 1 if loss == "binary_crossentropy" else classes
    activation = "sigmoid" if outputs == 1 else "softmax"
    model = tf.keras.Sequential([tf.keras.Input([4]), tf.keras.layers.Dense(outputs, activation)])
    model.compile("sgd", loss)
    return model


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        ("sparse_categorical_crossentropy", NUMBERS),
        ("categorical_crossentropy", ONE_HOT),
        ("binary_crossentropy", (NUMBERS > 0).astype(np.float32)[:, np.newaxis]),
    ],
    ids=["integers", "one-hot", "binary"],
)
def test_keras_makes_the_same_loss_of_its_class_weight(loss, labels):
    weights = WEIGHTS if loss != "binary_crossentropy" else {0: 0.5, 1: 7.0}
    dataset = dataset_of(labels).map(lambda features, labels: (features / 30, labels))
    theirs, ours, none = models = [model_of(3, loss) for _ in range(3)]
    for model in models:  # from the same place
        model.set_weights(theirs.get_weights())
    expected = theirs.fit(dataset, epochs=3, class_weight=weights, verbose=0).history["loss"]
    found = ours.fit(with_class_weights(dataset, weights), epochs=3, verbose=0).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    unweighted = none.fit(dataset, epochs=3, verbose=0).history["loss"]
    assert not np.allclose(unweighted, expected, rtol=0.05)


def test_weights_that_are_there_are_multiplied():
    own = np.arange(7)
    for form in (own, own.astype(np.float32)[:, np.newaxis]):
        weighted = with_class_weights(dataset_of(NUMBERS, form), WEIGHTS)
        np.testing.assert_array_equal(weights_of(weighted), own * EXPECTED)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder for each of 32 classes; class k has 1 + k % 3 images, of one shade."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(32):
        shade = tf.fill([8, 8, 3], tf.cast(8 * number, tf.uint8))
        (folder / f"class {number:02}").mkdir()
        for copy in range(1 + number % 3):
            tf.io.write_file(str(folder / f"class {number:02}/{copy}.png"), tf.io.encode_png(shade))
    return folder


@pytest.mark.parametrize("label_mode", ["categorical", "int"])
def test_images_in_a_folder_for_each_class(photos, label_mode):
    images = tf.keras.utils.image_dataset_from_directory(
        photos, label_mode=label_mode, batch_size=5, image_size=(8, 8), seed=1
    )
    weighted = with_class_weights(images.prefetch(2), "balanced")
    for batch, _, weights in weighted:
        numbers = np.round(batch.numpy()[:, 0, 0, 0] / 8).astype(int)
        np.testing.assert_allclose(weights, 63 / (32 * (1 + numbers % 3)), rtol=1e-6)
    loss = "categorical_crossentropy" if label_mode == "categorical" else None
    flat = [tf.keras.Input([8, 8, 3]), tf.keras.layers.Flatten()]
    model = tf.keras.Sequential([*flat, tf.keras.layers.Dense(32, activation="softmax")])
    model.compile("sgd", loss or "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    assert np.isfinite(model.fit(weighted, verbose=0).history["loss"][0])


def two_outputs():
    x = tf.keras.Input([4], name="x")
    bought = tf.keras.layers.Dense(3, activation="softmax", name="bought")(x)
    returned = tf.keras.layers.Dense(1, activation="sigmoid", name="returned")(x)
    return x, bought, returned


LOSSES = {"bought": "sparse_categorical_crossentropy", "returned": "binary_crossentropy"}


def test_two_outputs_by_name():
    labels = {"bought": NUMBERS, "returned": (NUMBERS == 2).astype(np.float32)[:, np.newaxis]}
    weighted = with_class_weights(dataset_of(labels), {"bought": WEIGHTS, "returned": [1, 9]})
    weights = [weights for _, _, weights in weighted]
    joined = {name: np.concatenate([each[name] for each in weights]) for name in weights[0]}
    np.testing.assert_array_equal(joined["bought"], EXPECTED)
    np.testing.assert_array_equal(joined["returned"], np.where(NUMBERS == 2, 9, 1))
    x, bought, returned = two_outputs()
    model = tf.keras.Model(x, {"bought": bought, "returned": returned})
    model.compile("sgd", LOSSES)
    assert np.isfinite(model.fit(weighted, verbose=0).history["loss"][0])


def test_two_outputs_in_a_tuple():
    labels = NUMBERS, (NUMBERS == 2).astype(np.float32)[:, np.newaxis]
    weighted = with_class_weights(dataset_of(labels), (WEIGHTS, None))
    for _, (bought, _), (of_bought, of_returned) in weighted:
        np.testing.assert_array_equal(of_bought, [WEIGHTS[each] for each in bought.numpy()])
        np.testing.assert_array_equal(of_returned, np.ones(len(bought)))
    x, bought, returned = two_outputs()
    model = tf.keras.Model(x, [bought, returned])
    model.compile("sgd", list(LOSSES.values()))
    assert np.isfinite(model.fit(weighted, verbose=0).history["loss"][0])


def test_balanced_balances_each_output_and_keeps_what_is_there():
    labels, own = {"a": NUMBERS, "b": NUMBERS > 0}, np.arange(7.0)
    by_class = len(NUMBERS) / (3 * np.bincount(NUMBERS))[NUMBERS]
    for form in (own, {"a": own, "b": own}):
        weighted = with_class_weights(dataset_of(labels, form, batch_size=7), "balanced")
        ((_, _, weights),) = weighted
        np.testing.assert_allclose(weights["a"], by_class * own, rtol=1e-6)
        np.testing.assert_allclose(weights["b"], own * np.where(NUMBERS > 0, 7 / 6, 7 / 8))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (NUMBERS.astype(str), "integers, booleans or floats"),
        (np.zeros([7, 2, 2]), "tf.ensure_shape"),
        (np.zeros([7, 0]), "known number of classes"),
        (tf.ragged.constant([[1], [1, 2]] * 3 + [[1]]), "dense tensor"),
    ],
)
def test_other_labels_are_refused(labels, words):
    with pytest.raises(ValueError, match=f"^labels are .*{words}"):
        with_class_weights(dataset_of(labels), WEIGHTS)


def test_labels_whose_classes_cannot_be_counted_are_refused():
    for shape, words in (([None, None], "number of classes"), (None, "shape")):
        spec = tf.TensorSpec([None, 4]), tf.TensorSpec(shape)
        dataset = tf.data.Dataset.from_generator(lambda: iter(()), output_signature=spec)
        with pytest.raises(ValueError, match=words):
            with_class_weights(dataset, WEIGHTS)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({0: 1, 1: -2, 2: 1}, "class 1 is -2, expected a finite number"),
        ({0: 1, 1: float("nan")}, "class 1 is nan"),
        ({0: 1, 1: None}, "class 1 is None"),
        ({"cat": 1, "dog": 2}, "the class 'cat', expected class numbers"),
        ({0.5: 1}, "the class 0.5, expected class numbers"),
        ({float("nan"): 1}, "the class nan, expected class numbers"),
        ([], "every weight is 0 or there is none"),
        ([0, 0, 0], "every weight is 0"),
        (Counter({0: -5, 1: 2}), "the rows of class 0 is -5"),
        ("balance", "expected a dict .* or 'balanced'"),
        (3.0, "expected a dict .* or 'balanced'"),
        (None, "expected a dict .* or 'balanced'"),
    ],
)
def test_other_weights_are_refused(weights, words):
    with pytest.raises(ValueError, match=words):
        with_class_weights(dataset_of(NUMBERS), weights)


@pytest.mark.parametrize("weights", [[1, 2], [1, 2, 3, 4], {0: 1, 1: 2}, Counter({0: 2, 3: 1})])
def test_weights_of_other_classes_than_one_hot_labels_have(weights):
    with pytest.raises(ValueError, match="one-hot of 3 classes and the weights are of the classes"):
        with_class_weights(dataset_of(ONE_HOT), weights)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (NUMBERS, r"expected a class that has a weight \(0, 1\).*found.*2"),
        (NUMBERS / 2, "expected class numbers.*found.*0.5"),
        (np.where(NUMBERS, np.nan, 0), "expected class numbers.*found.*nan"),
        (np.full([7, 2], 0.5), r"expected one-hot.*smooth.*found.*0.5 0.5"),
        (np.ones([7, 2]), "expected one-hot.*found.*1 1"),
        (np.zeros([7, 2], int), "expected one-hot.*found.*0 0"),
    ],
)
@pytest.mark.parametrize("batch_size", [3, None])
def test_rows_without_a_class_that_has_a_weight_are_errors(labels, words, batch_size):
    weighted = with_class_weights(dataset_of(labels, batch_size=batch_size), [1, 2])
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s)labels: {words}"):
        list(weighted)


def test_a_batch_of_floats_of_known_length_is_not_taken_for_one_row_in_silence():
    dataset = dataset_of(NUMBERS.astype(np.float32), batch_size=None).batch(7, drop_remainder=True)
    with pytest.raises(ValueError, match="one-hot of 7 classes.*cast them to integers"):
        with_class_weights(dataset, WEIGHTS)


@pytest.mark.parametrize(
    ("labels", "weights", "words"),
    [
        ({"a": NUMBERS, "b": NUMBERS}, WEIGHTS, "a dict with names among a, b"),
        ({"a": NUMBERS, "b": NUMBERS}, {"c": WEIGHTS}, "a dict with names among a, b"),
        ({"a": NUMBERS, "b": NUMBERS}, {}, "a dict with names among a, b"),
        ((NUMBERS, NUMBERS), WEIGHTS, "2 entries"),
        ((NUMBERS, NUMBERS), [None, None], "2 entries"),
        ((NUMBERS, NUMBERS), [1.0, 2.0], r"labels\[0\] are 1.0, expected a dict"),
        ({"a": NUMBERS, "b": NUMBERS}, {"a": [-1]}, r"labels\['a'\]: the weight of class 0 is -1"),
    ],
)
def test_weights_that_do_not_fit_several_outputs(labels, weights, words):
    with pytest.raises(ValueError, match=words):
        with_class_weights(dataset_of(labels), weights)


@pytest.mark.parametrize("own", [np.ones([7, 2]), NUMBERS.astype(str), {"a": np.ones(7)}])
def test_weights_in_the_dataset_of_another_form_are_refused(own):
    with pytest.raises(ValueError, match="weights in the dataset"):
        with_class_weights(dataset_of(NUMBERS, own), WEIGHTS)


@pytest.mark.parametrize("element", [NUMBERS, (NUMBERS,), {"x": NUMBERS, "y": NUMBERS}])
def test_elements_of_another_form_are_refused(element):
    with pytest.raises(ValueError, match=r"expected \(features, labels\)"):
        with_class_weights(tf.data.Dataset.from_tensor_slices(element), WEIGHTS)


def test_labels_of_an_endless_dataset_cannot_be_counted():
    endless = dataset_of(NUMBERS).repeat()
    with pytest.raises(ValueError, match="never ends.*Counter"):
        with_class_weights(endless, "balanced")
    told = with_class_weights(endless, Counter(NUMBERS.tolist()))
    assert told.cardinality() == tf.data.INFINITE_CARDINALITY
