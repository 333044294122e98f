"""The user's function of tables: what it may return, and what is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest


def adding(name, values):
    return lambda table: table.append_column(name, values(table))


def test_new_columns_are_features_of_every_row(classes):
    twice = adding("twice", lambda table: pc.multiply(table["x"], 2))
    city = adding("upper", lambda table: pc.utf8_upper(table["city"]))
    input_fn = classes.train(transform=lambda table: city(twice(table)), pool_rows=50)
    for features, *_ in input_fn.batches():
        np.testing.assert_array_equal(features["twice"], 2 * features["x"])
        assert [each.upper() for each in features["city"]] == features["upper"].tolist()
    features, _ = next(iter(input_fn()))
    assert features["upper"].dtype == "string"


def test_columns_may_be_left_out(classes):
    input_fn = classes.train(transform=lambda table: table.drop_columns(["city"]))
    assert set(next(input_fn.batches())[0]) == {"id", "x"}


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (lambda table: table.slice(1), "leave no row out"),
        (lambda table: None, "None for a table"),
        (lambda table: table.drop_columns(["label"]), "'label'.*keep it"),
        (lambda table: table.drop_columns(["id"]), "'id'.*keep it"),
        (adding("x", lambda table: table["x"]), "'x' twice"),
        (adding("weight", lambda table: table["x"]), "'weight'.*rename"),
        (adding("id_", lambda table: table["x"]), "'id_'.*rename"),
        (adding("y", lambda table: pc.divide(table["x"], 0.0)), "NaN or infinity.*'y'"),
        (adding("y", lambda table: pa.nulls(len(table), pa.int64())), "'y' has .* empty"),
        (adding("y", lambda table: pa.array([{"a": 1}] * len(table))), "'y' is of type struct"),
        ("text", "transform is 'text'"),
    ],
)
def test_what_can_not_be_trained_on_is_refused(classes, transform, message):
    with pytest.raises(ValueError, match=message):
        list(classes.train(transform=transform).batches())


def test_other_columns_than_at_first_are_refused(classes):
    calls = []

    def transform(table):
        calls.append(table)
        return table if len(calls) < 3 else table.drop_columns(["city"])

    with pytest.raises(ValueError, match="and at first"):
        list(classes.train(transform=transform).batches())
