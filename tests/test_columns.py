"""Features of the wide and deep model: what is measured of columns, and what comes of values."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from sampling import InputFnDownsampleWithWeight, Schema
from sampling.features import columns, dates, encoding, measuring
from sampling.schema import Field
from trainer.propensity import automatic

TYPES = {
    "spend": float,
    "visits": int,
    "code": int,
    "vip": "BOOLEAN",
    "city": str,
    "since": "TIMESTAMP",
    "ticket": str,
    "label": int,
}


def rows(count, label, seed):
    rng = np.random.default_rng(seed)
    frame = {
        "spend": np.exp(rng.normal(3, 2, count)).round(3),
        "visits": rng.integers(0, 3000, count),
        "code": rng.choice([7, 9, 30], count),
        "vip": rng.choice(["yes", "no"], count),
        "city": rng.choice(["Köln", "Oslo", ""], count),
        "since": [f"2024-{1 + i % 12:02}-{1 + i % 28:02} {i % 24:02}:30:00Z" for i in range(count)],
        "ticket": [f"{label}-{i}" for i in range(count)],
        "label": label,
    }
    frame = pd.DataFrame(frame)
    frame.loc[frame.index % 10 == 0, ["spend", "visits", "vip", "since"]] = np.nan
    frame["visits"] = frame["visits"].astype("Int64")
    frame["vip"] = frame["vip"].replace({"yes": "true", "no": "false"})
    return frame


def input_fn(folder, schema, **options):
    paths = folder / "positive.csv", folder / "negative.csv"
    return InputFnDownsampleWithWeight(*map(str, paths), schema=schema, is_train=True, **options)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of both classes, the schema as it is read, and what was measured."""
    folder = tmp_path_factory.mktemp("columns")
    rows(400, 1, 0).to_csv(folder / "positive.csv", index=False)
    rows(3600, 0, 1).to_csv(folder / "negative.csv", index=False)
    schema = columns.readable(Schema.from_dict(TYPES, label="label"))
    natural = input_fn(folder, schema, multiplier="natural", num_epochs=None, batch_size=512)
    return folder, schema, measuring.measure(natural)


def test_what_is_measured(made):
    folder, _, known = made
    numbers = {each.name: each for each in known.numbers}
    assert set(numbers) == {"spend", "visits", "code", "vip", "since"}
    assert known.left_out == ("ticket",)
    negatives = pd.read_csv(folder / "negative.csv")
    assert numbers["spend"].median == pytest.approx(negatives["spend"].median(), rel=0.2)
    assert {n for n, each in numbers.items() if each.has_indicator} == {
        "spend",
        "visits",
        "vip",
        "since",
    }
    categories = {each.name: each for each in known.categories}
    assert set(categories) == {"code", "city"}  # visits hardly repeat
    assert set(categories["city"].vocabulary) == {"Köln", "Oslo", ""}
    assert set(categories["code"].vocabulary) == {"7", "9", "30"}
    (date,) = known.dates
    assert (date.unit, date.cycles) == ("", ("year", "week", "day"))


def test_constants_survive_json(made):
    known = made[2]
    assert columns.Columns.from_dict(json.loads(json.dumps(known.to_dict()))) == known


def test_scores_are_normal_bounded_and_in_order(made):
    folder, schema, known = made
    batch, *_ = next(input_fn(folder, schema, multiplier="natural", batch_size=4000).batches())
    features = {
        name: tf.constant(values.tolist() if values.dtype == object else values)
        for name, values in batch.items()
    }
    encoded = encoding.encode(features, known)
    assert encoded.matrix.shape == (4000, encoding.width(known))
    assert np.isfinite(encoded.matrix).all()
    place = [each.name for each in known.numbers].index("spend")
    score, spend = encoded.matrix[:, place].numpy(), batch["spend"]
    present = ~np.isnan(spend)
    assert np.abs(score).max() <= 3
    assert (np.diff(score[present][np.argsort(spend[present])]) >= 0).all()
    assert score[present].mean() == pytest.approx(0, abs=0.05)
    assert score[present].std() == pytest.approx(1, abs=0.1)
    # a blank is at the median, and the indicator tells it from one
    assert np.abs(score[~present]).max() < 0.05
    indicator = len(known.numbers)
    np.testing.assert_array_equal(encoded.matrix[:, indicator], ~present)


def test_every_column_has_codes_of_its_own(made):
    known = made[2]
    features = {
        "city": tf.constant(["Köln", "Oslo", "", "Rome"]),
        "code": tf.constant([7, 9, columns.MISSING_INTEGER, 8], tf.int64),
    }
    only = columns.Columns(categories=known.categories)
    codes = encoding.encode(features, only).codes.numpy()
    sizes = [each.codes for each in known.categories]
    begins = np.cumsum([0, *sizes])
    for place, each in enumerate(known.categories):
        column = codes[:, place] - begins[place]
        assert ((column >= 0) & (column < sizes[place])).all()
        first_two = {each.vocabulary[code] for code in column[:2]}
        assert first_two == ({"Köln", "Oslo"} if each.name == "city" else {"7", "9"})
        assert column[3] >= len(each.vocabulary)  # never seen: a bucket


def test_statistics_of_all_rows_are_believed(made):
    folder, schema, _ = made
    whole = Schema.infer(str(folder / "negative.csv"), "label", ids=["ticket"])
    known = columns.readable(whole)
    natural = input_fn(folder, known, multiplier="natural", num_epochs=None, batch_size=512)
    found = measuring.measure(natural)
    assert found.left_out == () and "ticket" in known.features_to_forward
    assert {each.name for each in found.categories} == {"code", "city"}


def test_ids_alone_are_nothing_to_learn_from(made):
    folder, _, _ = made
    schema = columns.readable(Schema.from_dict(TYPES, label="label"))
    others = tuple(name for name in TYPES if name not in ("ticket", "label"))
    forwarding = Schema(schema.fields, schema.label, features_to_forward=others)
    natural = input_fn(folder, forwarding, multiplier="natural", num_epochs=None, batch_size=512)
    with pytest.raises(ValueError, match="nearly every value of ticket is another"):
        measuring.measure(natural)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01", 0),
        ("2024-02-29", 19782),
        ("2024-03-01T12:00:00Z", 19783.5),
        ("1969-12-31 18:00", -0.25),
        ("2000-01-01 06:00:00.123+02:00", 10957.25),
        ("2000-01-01 06:00+02:00", 10957.25),
        ("18:00", 0.75),
        ("", np.nan),
        ("soon", np.nan),
        ("2024-1-1", np.nan),
    ],
)
def test_dates_are_days(text, expected):
    np.testing.assert_allclose(dates.of_text(tf.constant([text])), [expected], atol=1e-9)


@pytest.mark.parametrize(
    ("values", "unit", "day"),
    [
        ([1_700_000_000], "seconds", 19675.925926),
        ([1_700_000_000_000], "milliseconds", 19675.925926),
        ([19_782], "days", 19782),
        ([20_240_229], "calendar", 19782),
        ([1971], "years", 365.2425),
    ],
)
def test_whole_numbers_are_dates_by_their_size(values, unit, day):
    assert dates.unit(np.array(values)) == unit
    found = dates.of_numbers(tf.constant(values, tf.float64), unit)
    np.testing.assert_allclose(found, [day], atol=1e-5)


def test_cycles_come_round():
    days = tf.constant([0.25, 0.25 + 7, np.nan], tf.float64)
    for cycle, same in {"week": True, "day": True, "year": False}.items():
        waves = np.stack(dates.in_cycle(days, cycle))
        assert np.allclose(waves[:, 0], waves[:, 1]) == same
        assert (waves[:, 2] == 0).all()


def test_a_default_of_the_schema_stays():
    fields = (Field("a", int, default=5), Field("b", float), Field("c", int, "REQUIRED"))
    schema = columns.readable(Schema(fields, None))
    assert schema["a"].default == 5 and np.isnan(schema["b"].default)
    assert schema["c"].default is None


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"),
    [(500, 3000, "natural"), (100, 99_900, 149.0), (3_600, 160_000, 5.5), (40_000, 960_000, 2.0)],
)
def test_negatives_for_each_positive(positives, negatives, expected):
    found = automatic.multiplier(positives, negatives)
    assert found == expected
    if expected != "natural":
        assert positives * (1 + found) <= 0.15 * (positives + negatives)
