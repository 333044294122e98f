"""What an input function is besides a source of batches: copied, shown, described, let go."""

from __future__ import annotations

import copy
import gc
import inspect
import json
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

import sampling
from sampling import (
    InputFn,
    InputFnDownsampleWithWeight,
    InputFnResample,
    InputFnStratified,
    InputFnWithFakePairs,
)
from sampling.order.rounds import Stream
from tests.conftest import SCHEMA, ids_of, write_classes

CLASSES = (
    InputFn,
    InputFnDownsampleWithWeight,
    InputFnResample,
    InputFnStratified,
    InputFnWithFakePairs,
)


@pytest.fixture(params=["train", "stratified", "mixed", "test", "everything"])
def made(request, classes):
    return getattr(classes, request.param)(batch_size=16, seed=3)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_it_is_copied_with_its_place(made, again):
    list(made.batches())
    made.restore(made.state(20))
    other = again(made)
    np.testing.assert_array_equal(ids_of(list(made.batches())), ids_of(list(other.batches())))
    assert other.state(30) == made.state(30)


def test_one_of_dataframes_is_pickled():
    frame = pd.DataFrame({"id": range(9), "x": 0.5, "city": "a", "label": [0, 1, 0] * 3})
    made = InputFn(frame, SCHEMA, shuffle=True)
    other = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(ids_of(list(made.batches())), ids_of(list(other.batches())))


@pytest.mark.once
def test_another_process_gets_the_same_rows(classes, tmp_path):
    made = classes.train(batch_size=500)
    (tmp_path / "made.pickle").write_bytes(pickle.dumps(made))
    code = (
        "import pickle, sys\n"
        "made = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print([int(i) for batch in made.batches() for i in batch[0]['id']])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "made.pickle")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == ids_of(list(made.batches())).tolist()


@pytest.mark.parametrize("cls", CLASSES)
def test_help_shows_every_option_of_reading_once(cls):
    names = list(inspect.signature(cls).parameters)
    for option in ("header", "seed", "pool_rows", "delimiter", "null_values", "file_format"):
        assert names.count(option) == 1
    assert "reading" not in names and not any("kwargs" in name for name in names)


def test_the_talks_arguments_come_first_and_in_their_order():
    names = list(inspect.signature(InputFnDownsampleWithWeight).parameters)
    assert names[:12] == [
        "positive_dir",
        "negative_dir",
        "test_dir",
        "schema",
        "is_train",
        "shuffle",
        "batch_size",
        "num_epochs",
        "header",
        "positive_size",
        "multiplier",
        "weight",
    ]


def test_an_unknown_argument_is_refused_by_name(classes):
    with pytest.raises(TypeError, match="multiplyer"):
        classes.train(multiplyer=3)


def test_it_is_shown_in_a_line_and_described_in_a_table(made):
    assert len(repr(made).splitlines()) == 1 and type(made).__name__ in repr(made)
    shown = made.describe()._repr_html_()
    assert shown.startswith("<table>") and "rows per epoch" in shown


def test_what_is_described_is_escaped(tmp_path):
    frame = pd.DataFrame({"id": range(4), "x": 0.5, "city": "a", "label": ["<b>", "c"] * 2})
    schema = sampling.Schema.from_dict({"id": int, "label": str}, label="label")
    shown = InputFnStratified(frame, schema).describe()._repr_html_()
    assert "<b>" not in shown and "&lt;b&gt;" in shown


@pytest.mark.parametrize("multiplier", [0.1, 1e-300])
@pytest.mark.parametrize("options", [{}, {"weight": "auto"}, {"normalize_weights": True}])
def test_an_epoch_without_negatives_is_described(tmp_path, multiplier, options):
    made = write_classes(tmp_path, 1, 50).train(multiplier=multiplier, **options)
    described = made.describe()
    assert described["rows_in_an_epoch"] == {"positive_dir": 1, "negative_dir": 0}
    assert described["epochs_to_see_every_row"]["negative_dir"] is None
    json.dumps(described, allow_nan=False)
    with pytest.raises(ValueError, match="no row of negative_dir"):
        made.prior()


@pytest.mark.parametrize("weight", [1e39, 1e-46])
def test_a_weight_that_float32_does_not_hold_is_refused(classes, weight):
    with pytest.raises(ValueError, match="negative_dir is .* as float32"):
        list(classes.train(weight=weight).batches())


@pytest.mark.once
def test_rounds_are_let_go_with_the_datasets_that_read_them(classes):
    """TensorFlow keeps generators of Datasets for ever."""

    def streams():
        gc.collect()
        return sum(isinstance(each, Stream) for each in gc.get_objects())

    input_fn = classes.train(num_epochs=1)
    before = streams()
    for _ in range(12):
        for _ in input_fn.dataset():
            pass
        for _ in input_fn():
            pass
    assert streams() - before <= 4  # of the latest call


def test_what_can_be_had_is_listed():
    assert {"InputFn", "Sampler", "Plan", "SamplingError", "__version__"} <= set(dir(sampling))
    assert sampling.SamplingError.__mro__[1] is ValueError
    with pytest.raises(AttributeError, match="nothing"):
        _ = sampling.nothing


def test_no_warning_is_given_for_what_is_right(made):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(made.batches())
        made.describe()
