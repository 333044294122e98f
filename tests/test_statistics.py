"""Statistics of columns: exact of few values, close of many, the same from any machine."""

import json
import math
import pickle

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sampling import Schema
from sampling.__main__ import main
from sampling.errors import SamplingError
from sampling.schema import ColumnStatistics
from sampling.schema.inferring.table_sketch import TableSketch, of_tables


def chunks(table, rows):
    return [table.slice(start, rows) for start in range(0, table.num_rows, rows)]


def texts(values):
    return pa.array([None if value is None else str(value) for value in values])


def test_few_values_are_known_exactly():
    values = [1, 1, 1, 2, 2, 10, 4, None, 4, 4]
    known = of_tables(chunks(pa.table({"x": texts(values), "y": pa.array(values)}), 3))
    assert known["x"] == known["y"]
    x = known["x"]
    assert (x.rows, x.missing, x.present, x.distinct, x.is_exact) == (10, 1, 9, 4, True)
    assert dict(x.values) == {"1": 3, "4": 3, "2": 2, "10": 1}
    assert list(x.values) == ["1", "4", "2", "10"]
    plain = [value for value in values if value is not None]
    assert (x.minimum, x.maximum, x.median) == (1, 10, 2)
    assert x.mean == pytest.approx(np.mean(plain))
    assert x.deviation == pytest.approx(np.std(plain))
    assert x.missing_share == 0.1
    for level, value in x.quantiles.items():
        assert value == np.quantile(plain, level, method="inverted_cdf")


def test_text_has_values_and_an_order_but_no_mean():
    [known] = of_tables([pa.table({"x": ["b", "a", "b", "", "c"]})]).values()
    assert dict(known.values) == {"b": 2, "a": 1, "c": 1}
    assert (known.minimum, known.maximum) == ("a", "c")
    assert known.median is None and known.mean is None and known.missing == 1
    [known] = of_tables([pa.table({"x": ["1", "NA", "3"]})], ["NA"]).values()
    assert (known.median, known.missing) == (1, 1)


def test_numbers_are_the_same_however_they_are_written():
    alike = ["17", "17.0", " 17"], [17, 17, 17], [17.0, 17.0, 17.0]
    found = [of_tables([pa.table({"x": values})])["x"] for values in alike]
    assert found[0] == found[1] == found[2] and found[0].distinct == 1


def test_of_many_values_all_is_close():
    generator = np.random.default_rng(0)
    rows = 200_000
    numbers = generator.gamma(2, 1000, rows)
    ids = np.arange(rows) + 2**60  # where float64 has every 256th only
    spiked = np.where(generator.random(rows) < 0.3, 0.0, generator.normal(size=rows))
    table = pa.table(
        {"numbers": numbers, "ids": ids, "names": texts(ids), "spiked": spiked.astype(np.float32)}
    )
    known = of_tables(chunks(table, 30_000))
    assert not known["numbers"].is_exact
    for name in ("numbers", "ids", "names"):
        assert known[name].distinct == pytest.approx(rows, rel=0.03)
    assert known["numbers"].mean == pytest.approx(numbers.mean())
    assert known["numbers"].deviation == pytest.approx(numbers.std())
    assert (known["ids"].minimum, known["ids"].maximum) == (2**60, 2**60 + rows - 1)
    ordered = np.sort(numbers)
    for level, value in known["numbers"].quantiles.items():
        assert np.searchsorted(ordered, value) / rows == pytest.approx(level, abs=0.01)
    value, times = next(iter(known["spiked"].values.items()))
    assert value == "0" and times == pytest.approx((spiked == 0).sum(), rel=0.01)
    assert not known["ids"].values


def test_values_that_become_many_are_still_known_closely():
    generator = np.random.default_rng(1)
    values = np.concatenate([np.repeat([5, 7], 30_000), generator.integers(0, 20_000, 40_000)])
    known = of_tables(chunks(pa.table({"x": values}), 10_000))["x"]
    assert known.distinct == pytest.approx(len(np.unique(values)), rel=0.03)
    assert list(known.values)[:2] == ["5", "7"] or list(known.values)[:2] == ["7", "5"]
    assert known.values["5"] == pytest.approx(30_000, rel=0.01)
    ordered = np.sort(values)
    for level, value in known.quantiles.items():
        first, last = (np.searchsorted(ordered, value, side=s) for s in ("left", "right"))
        assert first / len(values) - 0.01 <= level <= last / len(values) + 0.01


def test_machines_that_each_do_a_part_find_the_same():
    generator = np.random.default_rng(2)
    table = pa.table(
        {
            "few": texts(generator.integers(0, 9, 50_000)),
            "many": generator.normal(size=50_000),
            "text": texts(generator.integers(0, 30_000, 50_000) + 0.5),
            "mixed": texts([*range(25_000), *(f"a{i}" for i in range(25_000))]),
        }
    )
    parts = [pickle.loads(pickle.dumps(TableSketch.of(part))) for part in chunks(table, 7_000)]
    total = TableSketch()
    for part in parts:
        total.merge(part)
    expected = of_tables(chunks(table, 7_000))
    assert total.statistics() == expected == of_tables(chunks(table, 7_000))
    assert expected["few"].quantiles == of_tables([table])["few"].quantiles


def test_a_column_that_a_table_lacks_is_missing_in_it():
    known = of_tables([pa.table({"a": [1, 2]}), pa.table({"b": ["x"]}), pa.table({"a": [3]})])
    assert (known["a"].rows, known["a"].missing) == (4, 1)
    assert (known["b"].rows, known["b"].missing) == (4, 3)


@hypothesis.given(
    st.lists(st.one_of(st.none(), st.integers(-5, 5), st.floats(-3, 3, width=32)), max_size=60),
    st.integers(1, 20),
)
@hypothesis.settings(max_examples=60, deadline=None)
def test_whatever_the_chunks(values, rows):
    table = pa.table({"x": pa.array(values, pa.float64())})
    known = of_tables(chunks(table, rows) or [table])["x"]
    plain = [0.0 + value for value in values if value is not None]  # -0.0 is 0
    assert (known.rows, known.missing) == (len(values), len(values) - len(plain))
    assert known.distinct == len(set(plain))
    if plain:
        assert (known.minimum, known.maximum) == (min(plain), max(plain))
        assert known.mean == pytest.approx(np.mean(plain), abs=1e-9)
        assert known.deviation == pytest.approx(np.std(plain), abs=1e-7)
        assert known.median == np.quantile(plain, 0.5, method="inverted_cdf")


def test_statistics_stay_with_the_schema(tmp_path):
    frame = pd.DataFrame({"age": [20, 30, None], "city": ["oslo", "oslo", "rome"]})
    schema = Schema.infer(frame)
    assert schema.statistics["age"].median == 20
    assert schema.statistics["city"].values == {"oslo": 2, "rome": 1}
    (tmp_path / "schema.json").write_text(json.dumps(schema.to_manifest()))
    again = Schema.from_json(tmp_path / "schema.json")
    assert again.statistics == schema.statistics and again == schema
    assert Schema(schema.fields) == schema and hash(again) == hash(schema)


def test_statistics_in_json_that_are_none_are_named():
    known = ColumnStatistics(10, 1, 2, values={"a": 9}, remarks=("so",))
    assert ColumnStatistics.from_dict(json.loads(json.dumps(known.to_dict())), "") == known
    text = '{"schema": [{"name": "a", "type": "INTEGER"}], "statistics": {"a": {"rowz": 1}}}'
    with pytest.raises(SamplingError, match="statistics of 'a': found what is none.*rowz"):
        Schema.from_json(text)


def test_numbers_that_are_none_do_no_harm():
    known = of_tables([pa.table({"x": [math.inf, 1.0, math.nan, 1e300, None]})])["x"]
    assert (known.missing, known.distinct, known.mean) == (2, 3, None)
    json.loads(json.dumps(known.to_dict(), allow_nan=False))


@pytest.mark.parametrize("end", ["csv", "parquet"])
@pytest.mark.parametrize("has_schema", [True, False])
def test_split_keeps_those_of_the_rows_that_are_trained_on(tmp_path, end, has_schema):
    generator = np.random.default_rng(3)
    frame = pd.DataFrame({"id": np.arange(3000) + 10**9, "y": generator.integers(0, 2, 3000)})
    frame["age"] = pd.array(generator.integers(18, 90, 3000), "Int64")
    frame.loc[generator.random(3000) < 0.2, "age"] = pd.NA
    frame["city"] = generator.choice(["Ulm", "Köln", ""], 3000)
    frame["x"] = generator.normal(size=3000).round(3)
    if end == "csv":
        frame.to_csv(tmp_path / "raw.csv", index=False)
    else:
        frame.to_parquet(tmp_path / "raw.parquet", index=False)
    flags = ["--key=id", "--label=y", f"--output={tmp_path / 'out'}", f"--format={end}"]
    if has_schema or end == "parquet":
        schema = Schema.infer(tmp_path / f"raw.{end}", "y", "id")
        (tmp_path / "schema.json").write_text(json.dumps(schema.to_manifest()))
        flags += [f"--schema={tmp_path / 'schema.json'}"] if has_schema else []
    main(["split", str(tmp_path / f"raw.{end}"), *flags])
    read = pd.read_csv if end == "csv" else pd.read_parquet
    train = pd.concat(read(path) for path in sorted((tmp_path / "out/train").rglob(f"*.{end}")))
    assert 2000 < len(train) < 2800
    known = Schema.from_manifest(tmp_path / "out").statistics
    assert {each.rows for each in known.values()} == {len(train)} and len(known) == 5
    assert known["age"].missing == train["age"].isna().sum() > 0
    assert known["age"].mean == pytest.approx(train["age"].mean())
    assert known["age"].median == np.quantile(
        train["age"].dropna().astype(int), 0.5, method="inverted_cdf"
    )
    assert known["city"].missing == (train["city"].isna() | (train["city"] == "")).sum()
    assert known["city"].values["Ulm"] == (train["city"] == "Ulm").sum()
    assert known["x"].deviation == pytest.approx(train["x"].std(ddof=0), rel=1e-4)
    assert known["id"].minimum == train["id"].min() and known["id"].distinct == len(train)
    main(["split", str(tmp_path / f"raw.{end}"), *flags, "--no-statistics", "--overwrite"])
    again = pd.concat(read(path) for path in sorted((tmp_path / "out/train").rglob(f"*.{end}")))
    assert again.equals(train) and not Schema.from_manifest(tmp_path / "out").statistics
