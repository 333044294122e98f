"""What every input function promises of its rows; test_contract_datasets.py has the rest."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sampling import InputFn, Schema
from tests.conftest import FORMATS, SCHEMA, ids_of
from tests.makers import BY_LABEL, FROM_FILES, IN_ONE_ROUND, MAKERS, SHUFFLED, TRAINING, making


@making(FROM_FILES)
def test_rows_stay_together(make):
    for features, labels, _ in make(num_epochs=2).batches():
        np.testing.assert_array_equal(features["x"], features["id"] / np.float32(4))
        assert features["city"].tolist() == [f"city {i % 7}".encode() for i in features["id"]]
        np.testing.assert_array_equal(labels, features["id"] < 60)


def test_the_same_seed_gives_the_same_rows_in_the_same_order(make):
    options = {"num_epochs": 3, "seed": 5}
    np.testing.assert_array_equal(
        ids_of(list(make(**options).batches())), ids_of(list(make(**options).batches()))
    )


@making(SHUFFLED)
def test_another_seed_gives_another_order(make):
    one, other = (ids_of(list(make(seed=seed).batches())) for seed in (1, 2))
    assert one.tolist() != other.tolist()


def test_epochs_have_the_steps_that_are_announced(make):
    input_fn = make(batch_size=32, num_epochs=1)
    sizes = [len(labels) for _, labels, _ in input_fn.batches()]
    assert len(sizes) == input_fn.steps_per_epoch
    assert sum(sizes) == input_fn.rows_per_epoch
    assert set(sizes[:-1]) == {32} and 0 < sizes[-1] <= 32
    assert input_fn.dataset().cardinality() == len(sizes)


@making(TRAINING)
def test_batches_do_not_run_across_epochs(make):
    sizes = [len(labels) for _, labels, _ in make(batch_size=50, num_epochs=3).batches()]
    steps = make(batch_size=50).steps_per_epoch
    assert sizes == sizes[:steps] * 3


@settings(max_examples=60)
@given(name=st.sampled_from(TRAINING), rows=st.integers(0, 4000), seed=st.integers(0, 5))
def test_the_same_rows_follow_a_restored_state(classes, name, rows, seed):
    def make():
        return MAKERS[name](classes, num_epochs=None, seed=seed, batch_size=7)

    input_fn = make()
    stream = ids_of(list(itertools.islice(input_fn.batches(), 700)))
    state = json.loads(json.dumps(input_fn.state(rows)))
    assert len(json.dumps(state)) < 1024
    restored = make()
    restored.restore(state)
    following = ids_of(list(itertools.islice(restored.batches(), 20)))
    # Batches are cut anew from the state on, so only the order of the rows is compared.
    np.testing.assert_array_equal(following, stream[rows : rows + len(following)])
    later = rows + 50
    assert restored.state(later) == input_fn.state(later)


@making(TRAINING)
def test_a_state_does_not_depend_on_how_far_reading_is_ahead(make):
    input_fn = make(num_epochs=2)
    batches = input_fn.batches()
    next(batches)
    early = input_fn.state(200)
    list(batches)
    assert early == input_fn.state(200)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"pool_rows": 77}, "pool_rows"),
        ({"block_rows": 3}, "blocks = .* of 3 rows"),
        ({"schema": SCHEMA.from_json(SCHEMA.to_json(), label="label")}, "schema"),
    ],
)
def test_a_state_of_another_input_function_is_refused(make, other, named):
    state = make().state(10)
    with pytest.raises(ValueError, match=named):
        make(**other).restore(state)


@pytest.mark.parametrize("state", [{}, None, {"version": 4}, "state"])
def test_what_is_no_state_is_refused(make, state):
    with pytest.raises(ValueError, match="no state"):
        make().restore(state)


def test_a_state_of_another_version_is_refused(make):
    with pytest.raises(ValueError, match="version 99"):
        make().restore({**make().state(0), "version": 99})


@pytest.mark.parametrize(
    "changed",
    [
        {"skip": -1},
        {"epoch": 10**6},
        {"rows": 10**30},
        {"cursors": {"pass": [0], "round": [10**6], "offset": [-1], "taken": [10**30]}},
        {"worker": [0, 2, False, 1]},
    ],
)
def test_a_state_that_was_changed_is_refused(make, changed):
    state = make().state(10)
    with pytest.raises(ValueError, match="checksum"):
        make().restore({**state, **changed})


def test_a_place_before_the_restored_one_is_refused(make):
    input_fn = make()
    input_fn.restore(input_fn.state(20))
    with pytest.raises(ValueError, match="at least 20"):
        input_fn.state(10)


def test_it_is_described(make):
    description = make(batch_size=10).describe()
    assert description["rows_per_epoch"] == make().rows_per_epoch
    assert "rows_per_epoch" in str(description)
    json.dumps(description)


def test_it_tells_what_was_read_and_handed_out(make):
    input_fn = make(num_epochs=2)
    weights = np.concatenate([weights for *_, weights in input_fn.batches()])
    usage = json.loads(json.dumps(input_fn.usage()))
    assert usage["rows"] == len(weights)
    effective = weights.sum(dtype=float) ** 2 / (weights.astype(float) ** 2).sum()
    assert usage["effective_rows"] == pytest.approx(effective)
    assert sum(usage["rows_used"].values()) in (len(weights), 2 * 60)  # but for fakes
    for role, rows in usage["rows_in_files"].items():
        assert usage["rows_read"][role] >= min(rows, usage["rows_used"][role])
        assert usage["coverage"][role] == min(1, usage["rows_used"][role] / rows)
        assert 0 < usage["bytes_read"][role] <= 3 * usage["bytes_in_files"][role]
    list(itertools.islice(input_fn.batches(), 1))
    assert 0 < input_fn.usage()["rows"] <= usage["rows"]  # of the latest call


@making([name for name in MAKERS if name != "fake pairs by user, small pool"])
def test_its_prior_is_that_of_the_weighted_stream(make):
    input_fn = make(num_epochs=1)
    masses = np.zeros(2)
    for _, labels, weights in input_fn.batches():
        np.add.at(masses, labels, weights)
    if masses.all():
        assert input_fn.prior().stream == pytest.approx(masses / masses.sum())
        return
    with pytest.raises(ValueError, match="expected two or more classes"):
        input_fn.prior()


def of_worker(make, index, number, **options):
    """All batches of one worker of several that train in step, joined: ids, labels, weights."""
    context = tf.distribute.InputContext(number, index)
    batches = list(make(**options).batches(input_context=context))
    labels, weights = (np.concatenate([batch[at] for batch in batches]) for at in (1, 2))
    return ids_of(batches), labels, weights


@making(BY_LABEL)
@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_workers_have_every_row_of_an_epoch_between_them_and_none_twice(make, number):
    one_epoch = {"num_epochs": 1, "seed": 3}
    ids, labels, weights = of_worker(make, 0, 1, **one_epoch)
    of_workers = [of_worker(make, index, number, **one_epoch) for index in range(number)]
    own = [(ids[weights > 0], labels[weights > 0]) for ids, labels, weights in of_workers]
    together, labels_together = (np.concatenate(column) for column in zip(*own, strict=True))
    expected = make(**one_epoch).rows_per_worker(number)
    assert [len(own_ids) for own_ids, _ in own] == expected  # the others are padding
    np.testing.assert_array_equal(np.bincount(labels_together), np.bincount(labels))
    for label in np.unique(labels):
        # Which rows of a class come depends on the worker, unless all come equally often.
        _, times = np.unique(ids[labels == label], return_counts=True)
        if label == 1 and set(times) == {times[0]} or len(times) == 1000:
            of_label = np.sort(together[labels_together == label])
            np.testing.assert_array_equal(of_label, np.sort(ids[labels == label]))
    mass = sum(float(each[2].sum()) for each in of_workers)
    assert mass == pytest.approx(float(weights.sum()))


@making(BY_LABEL)
@pytest.mark.parametrize("number", [2, 3])
def test_a_worker_reads_its_own_rows_in_every_epoch(make, number):
    rows = make().rows_per_worker(number)
    for index in range(number):
        epochs = 1 if make(num_epochs=3).num_epochs == 1 else 3
        ids, labels, weights = of_worker(make, index, number, num_epochs=epochs)
        minority = np.where(labels == 1, ids, -1).reshape(epochs, -1)
        padding = max(rows) - rows[index]
        assert np.count_nonzero(weights == 0) == epochs * padding
        of_epochs = [set(epoch[epoch >= 0]) for epoch in minority]
        assert all(each == of_epochs[0] for each in of_epochs)


@making(SHUFFLED)
def test_workers_draw_random_numbers_of_their_own(make):
    orders = [of_worker(make, index, 2)[1].tolist() for index in range(2)]
    assert orders[0] != orders[1]


@settings(max_examples=40)
@given(
    name=st.sampled_from(TRAINING),
    rows=st.integers(0, 1500),
    index=st.integers(0, 2),
    seed=st.integers(0, 3),
)
def test_the_same_rows_follow_a_restored_state_of_a_worker(classes, name, rows, index, seed):
    context = tf.distribute.InputContext(3, index)

    def make():
        return MAKERS[name](classes, num_epochs=None, seed=seed, batch_size=7)

    input_fn = make()
    batches = input_fn.batches(input_context=context)
    stream = ids_of(list(itertools.islice(batches, 300)))
    state = json.loads(json.dumps(input_fn.state(rows)))
    assert len(json.dumps(state)) < 1024
    restored = make()
    restored.restore(state)
    assert restored.state(rows) == state
    following = ids_of(list(itertools.islice(restored.batches(input_context=context), 20)))
    expected = stream[rows : rows + len(following)]
    np.testing.assert_array_equal(following[: len(expected)], expected)
    assert restored.state(rows + 50) == input_fn.state(rows + 50)


def test_a_state_of_another_worker_is_refused(make):
    input_fn = make()
    next(iter(input_fn.dataset(input_context=tf.distribute.InputContext(3, 1))))
    state = input_fn.state(5)
    other = make()
    other.restore(state)
    for context in (None, tf.distribute.InputContext(3, 2), tf.distribute.InputContext(2, 1)):
        with pytest.raises(ValueError, match="is of worker 1 of 3.*this is"):
            other.dataset(input_context=context)
    other.dataset(input_context=tf.distribute.InputContext(3, 1))


def test_more_workers_than_rows_are_refused(make):
    context = tf.distribute.InputContext(2000, 7)
    with pytest.raises(ValueError, match="rows for 2000 workers.*fewer workers"):
        make().dataset(input_context=context)


@pytest.mark.parametrize("file_format", [name for name in FORMATS if name != "csv"])
@pytest.mark.parametrize("name", MAKERS)
def test_every_format_keeps_the_contract(in_formats, name, file_format):
    def make(file_format=file_format, num_epochs=2):
        files = in_formats[file_format]
        return MAKERS[name](files, batch_size=64, seed=3, num_epochs=num_epochs)

    input_fn = make()
    batches = list(input_fn.batches())
    for features, labels, weights in batches:
        types = {key: value.dtype for key, value in features.items()}
        assert types == {"id": np.int64, "x": np.float32, "city": object}
        assert (labels.dtype, weights.dtype) == (np.int64, np.float32)
        assert all(column.shape == labels.shape for column in features.values())
    stream = ids_of(batches)
    assert len(stream) == input_fn.rows_per_epoch * input_fn.num_epochs
    restored, rows = make(), len(stream) // 2 + 1
    restored.restore(json.loads(json.dumps(input_fn.state(rows))))
    np.testing.assert_array_equal(ids_of(list(restored.batches())), stream[rows:])
    if name in IN_ONE_ROUND:
        np.testing.assert_array_equal(stream, ids_of(list(make("csv").batches())))


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_has_every_row_once_in_a_pass(in_formats, file_format):
    files = in_formats[file_format]
    for pool_rows in (100, 131_072):
        options = {"pool_rows": pool_rows, "weight": "auto", "num_epochs": 17, "multiplier": 1}
        rows = [
            (features["id"], weights) for features, _, weights in files.train(**options).batches()
        ]
        ids, weights = (np.concatenate(columns) for columns in zip(*rows, strict=True))
        assert np.bincount(ids[ids < 60]).tolist() == [17] * 60
        times = np.bincount(ids[ids >= 60] - 60)
        assert set(times) == {1, 2} and times.sum() == 17 * 60
        assert np.isclose(weights[ids >= 60].sum(), 17 * 1000)  # the mass of the files, each epoch


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_an_epoch_written_to_shards_has_its_rows_in_its_order(make, tmp_path, file_format):
    input_fn = make(num_epochs=1)
    made = input_fn.write_epoch(tmp_path / "sample", shards=3, format=file_format)
    files = str(tmp_path / f"sample/*.{file_format}")
    again = InputFn(files, Schema.from_manifest(tmp_path / "sample"))
    assert len(made["files"]) == 3 and again.rows_per_epoch == input_fn.rows_per_epoch
    for ours, written in zip(input_fn.batches(), again.batches(), strict=True):
        assert ours[0].keys() == written[0].keys()
        for name, values in ours[0].items():
            np.testing.assert_array_equal(values, written[0][name])
        np.testing.assert_array_equal(ours[1], written[1])
        np.testing.assert_array_equal(ours[2], written[2])


@pytest.mark.parametrize("file_format", [name for name in FORMATS if name != "csv"])
@pytest.mark.parametrize("pool_rows", [100, 131_072])
def test_workers_share_the_rows_of_every_format(in_formats, file_format, pool_rows):
    ids = []
    for index in range(3):
        input_fn = in_formats[file_format].everything(shuffle=True, pool_rows=pool_rows)
        context = tf.distribute.InputContext(num_input_pipelines=3, input_pipeline_id=index)
        ids.append(ids_of(list(input_fn(input_context=context))))
    assert min(map(len, ids)) > 0
    assert set(np.concatenate(ids)) == set(range(1060))
