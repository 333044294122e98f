"""What every input function promises of its Datasets, to Estimators and to Keras."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import FORMATS, ids_of
from tests.makers import MAKERS, SOME, TRAINING, making


def test_an_estimator_gets_features_with_weight_and_forwarded_and_labels(make):
    features, labels = next(iter(make(batch_size=16)("eval", {}, None, None)))
    assert set(features) == {"id", "x", "city", "weight", "id_"}
    dtypes = {name: tensor.dtype for name, tensor in features.items()}
    assert dtypes == {
        "id": tf.int64,
        "id_": tf.int64,
        "x": tf.float32,
        "city": tf.string,
        "weight": tf.float32,
    }
    assert {tuple(tensor.shape) for tensor in features.values()} == {(16,)}
    assert labels.dtype == tf.int64 and labels.shape == (16,)
    np.testing.assert_array_equal(features["id"], features["id_"])


def test_keras_gets_features_labels_and_weights(make):
    features, labels, weights = next(iter(make(batch_size=16).dataset()))
    assert set(features) == {"id", "x", "city"}
    assert (labels.dtype, weights.dtype) == (tf.int64, tf.float32)
    assert labels.shape == weights.shape == (16,)


def test_keras_gets_only_the_features_it_asks_for(make):
    features, *_ = next(iter(make().dataset(["x"])))
    assert set(features) == {"x"}
    with pytest.raises(ValueError, match="'nope'.*id, x, city"):
        make().dataset(["nope"])


@pytest.mark.once
def test_features_are_stacked_in_the_order_of_their_names(make):
    input_fn = make(batch_size=7)
    expected, matrices = input_fn.batches(), input_fn.batches(["x", "id"], stacked=True)
    tensors = input_fn.dataset(["x", "id"], stacked=True)
    for by_name, in_numpy, in_tensors in zip(expected, matrices, tensors, strict=True):
        columns = [by_name[0]["x"], by_name[0]["id"].astype(np.float32)]
        np.testing.assert_array_equal(in_numpy[0], np.stack(columns, axis=1))
        assert in_tensors[0].dtype == tf.float32
        for one, other, plain in zip(in_numpy, in_tensors, by_name, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one is in_numpy[0] or np.array_equal(one, plain)
    assert tensors.element_spec[0].shape.as_list() == [None, 2]


def test_strings_are_not_stacked(make):
    for names in (None, ["x", "city"]):
        with pytest.raises(ValueError, match="True with city, expected numbers"):
            make().dataset(names, stacked=True)


def test_numpy_keras_and_estimator_get_the_same_rows(make):
    input_fn = make(num_epochs=2)
    numpy_batches = list(input_fn.batches())
    for ours, keras, estimator in zip(numpy_batches, input_fn.dataset(), input_fn(), strict=True):
        np.testing.assert_array_equal(ours[0]["id"], keras[0]["id"])
        np.testing.assert_array_equal(ours[0]["id"], estimator[0]["id"])
        np.testing.assert_array_equal(ours[2], keras[2])
        np.testing.assert_array_equal(ours[2], estimator[0]["weight"])


@pytest.mark.once
def test_a_new_call_starts_afresh(make):
    input_fn = make()
    dataset = input_fn.dataset()
    first = ids_of(list(dataset))
    list(dataset)
    np.testing.assert_array_equal(first, ids_of(list(input_fn.dataset())))
    np.testing.assert_array_equal(first, ids_of(list(input_fn())))


@making(TRAINING)
def test_a_dataset_iterated_again_goes_on(make):
    dataset = make(num_epochs=1).dataset()
    again = ids_of([batch for _ in range(3) for batch in dataset])
    np.testing.assert_array_equal(again, ids_of(list(make(num_epochs=3).batches())))


@making(TRAINING)
@pytest.mark.once
def test_an_iteration_broken_off_does_not_change_what_comes_next(make):
    expected = ids_of(list(itertools.islice(make(num_epochs=4).dataset(), 0, None)))
    dataset = make(num_epochs=2).dataset()
    next(iter(dataset))
    second = ids_of(list(dataset))
    np.testing.assert_array_equal(second, expected[-len(second) :])
    assert 2 * len(second) == len(expected)


@making(TRAINING)
def test_no_number_of_epochs_is_endless(make):
    input_fn = make(num_epochs=None)
    steps = input_fn.steps_per_epoch
    endless = list(itertools.islice(input_fn.batches(), 3 * steps))
    np.testing.assert_array_equal(ids_of(endless), ids_of(list(make(num_epochs=3).batches())))
    assert input_fn.dataset().cardinality() == tf.data.INFINITE_CARDINALITY


@pytest.mark.once
def test_restored_in_the_middle_of_epochs_only_the_rest_follows(make):
    num_epochs = 1 if make(num_epochs=2).num_epochs == 1 else 2
    input_fn = make(num_epochs=num_epochs)
    stream = ids_of(list(input_fn.batches()))
    restored = make(num_epochs=num_epochs)
    restored.restore(input_fn.state(30))
    np.testing.assert_array_equal(ids_of(list(restored.dataset())), stream[30:])


@pytest.mark.once
def test_workers_in_step_have_as_many_batches_of_the_same_sizes(make):
    epochs = 1 if make(num_epochs=2).num_epochs == 1 else 2
    options = {"num_epochs": epochs, "batch_size": 9}
    contexts = [tf.distribute.InputContext(3, index) for index in range(3)]
    of_workers = [make(**options).batches(input_context=context) for context in contexts]
    sizes = [[len(labels) for _, labels, _ in batches] for batches in of_workers]
    assert all(each == sizes[0] for each in sizes)
    assert sum(sizes[0]) == epochs * max(make().rows_per_worker(3))
    steps = make(**options).global_steps_per_epoch(input_context=contexts[-1])
    assert len(sizes[0]) == epochs * steps
    dataset = make(**options).dataset(input_context=contexts[-1])
    assert int(dataset.cardinality()) == len(sizes[0])
    assert [len(labels) for _, labels, _ in dataset] == sizes[0]


def test_it_works_in_a_graph_of_tensorflow_1(make):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        dataset = make(batch_size=8)()
        features, _ = tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
        ids = session.run(features["id"])
    np.testing.assert_array_equal(ids, ids_of([next(make(batch_size=8).batches())]))


@pytest.mark.parametrize("file_format", [name for name in FORMATS if name != "csv"])
@pytest.mark.parametrize("name", SOME)
def test_datasets_of_every_format_have_the_rows_of_numpy(in_formats, name, file_format):
    def make(num_epochs):
        options = {"batch_size": 64, "seed": 3, "num_epochs": num_epochs}
        return MAKERS[name](in_formats[file_format], **options)

    input_fn, batches = make(2), list(make(2).batches())
    for ours, estimator in zip(batches, input_fn(), strict=True):
        assert set(estimator[0]) == {"id", "x", "city", "weight", "id_"}
        for key, column in ours[0].items():
            np.testing.assert_array_equal(column, estimator[0][key])
        np.testing.assert_array_equal(ours[1], estimator[1])
        np.testing.assert_array_equal(ours[2], estimator[0]["weight"])
    keras = make(1).dataset()
    for ours, batch in zip(batches, itertools.chain(keras, keras), strict=True):
        for key, column in ours[0].items():
            np.testing.assert_array_equal(column, batch[0][key])
        np.testing.assert_array_equal(ours[1], batch[1])
        np.testing.assert_array_equal(ours[2], batch[2])
