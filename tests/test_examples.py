import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from examples.acquire_valued_shoppers import make_data as maker

ROWS, SHARDS = 20_000, 3
HELD_OUT = ("dev", "test")
FIELDS = json.loads(Path(maker.__file__).with_name("schema.json").read_text())


def _read(folder: Path) -> pd.DataFrame:
    parts = sorted(folder.glob("part-*.csv"))
    assert len(parts) == SHARDS
    return pd.concat([pd.read_csv(p, dtype={"brand": str}) for p in parts], ignore_index=True)


def _bytes(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shoppers") / "deep" / "data"
    maker.make_data(folder, ROWS, seed=7, shards=SHARDS)
    return folder


@pytest.fixture(scope="module")
def tables(data):
    classes = {name: _read(data / "train" / name) for name in ("positive", "negative")}
    return {**classes, **{split: _read(data / split) for split in HELD_OUT}}


@pytest.fixture(scope="module")
def truths(data):
    return {split: _read(data / "truth" / split) for split in ("train", *HELD_OUT)}


@pytest.fixture(scope="module")
def joined(tables, truths):
    """All rows with the probability that their label was drawn from."""
    return pd.concat(tables.values()).merge(pd.concat(truths.values()), on="customer_id")


def test_same_seed_same_bytes_another_seed_others(data, tmp_path):
    maker.make_data(tmp_path / "again", ROWS, seed=7, shards=SHARDS)
    maker.make_data(tmp_path / "other", ROWS, seed=8, shards=SHARDS)
    assert _bytes(tmp_path / "again") == _bytes(data)
    assert _bytes(tmp_path / "other") != _bytes(data)


def test_chunks_neither_lose_nor_repeat_rows(data, tmp_path, monkeypatch):
    monkeypatch.setattr(maker, "CHUNK_ROWS", 999)
    manifest = maker.make_data(tmp_path / "d", 5_000, shards=SHARDS)
    assert sum(split["rows"] for split in manifest["splits"].values()) == 5_000
    truths = [_read(tmp_path / "d" / "truth" / split) for split in manifest["splits"]]
    assert sorted(pd.concat(truths)["customer_id"]) == list(range(1, 5_001))


def test_nothing_is_left_beside_the_data(data):
    assert [p.name for p in data.parent.iterdir()] == [data.name]


def test_every_file_has_the_columns_of_the_schema_in_order(data):
    for path in [*data.glob("train/*/*.csv"), *data.glob("dev/*.csv"), *data.glob("test/*.csv")]:
        with path.open(newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == [field["name"] for field in FIELDS]
        assert {len(row) for row in rows} == {20}
        assert all(value for row in rows for value in row)


def test_values_agree_with_the_types_of_the_schema(tables):
    kinds = {"INTEGER": "i", "FLOAT": "f"}
    for field in FIELDS:
        if field["type"] in kinds:
            found = {table[field["name"]].dtype.kind for table in tables.values()}
            assert found == {kinds[field["type"]]}, field["name"]


def test_schema_for_python_is_that_of_the_json_file():
    from examples.acquire_valued_shoppers.schema import SCHEMA

    assert [field.name for field in SCHEMA] == [field["name"] for field in FIELDS]
    assert [field.type for field in SCHEMA] == [field["type"] for field in FIELDS]
    assert (SCHEMA.label, SCHEMA.features_to_forward) == ("label", ("customer_id",))


def test_classes_are_in_their_directories(tables):
    assert (tables["positive"]["label"] == 1).all()
    assert (tables["negative"]["label"] == 0).all()
    for split in HELD_OUT:
        assert set(tables[split]["label"]) == {0, 1}


def test_customers_are_unique_across_splits(tables):
    ids = pd.concat(tables.values())["customer_id"]
    assert len(ids) == ROWS
    assert ids.is_unique


def test_splits_have_their_shares(truths):
    for split, share in zip(maker.SPLITS, maker.SPLIT_SHARES, strict=True):
        deviation = np.sqrt(ROWS * share * (1 - share))
        assert abs(len(truths[split]) - ROWS * share) < 5 * deviation


@pytest.mark.parametrize("split", HELD_OUT)
def test_truth_has_the_files_and_row_order_of_the_data(data, split):
    parts = sorted(p.name for p in (data / split).iterdir())
    assert parts == sorted(p.name for p in (data / "truth" / split).iterdir())
    for part in parts:
        rows = pd.read_csv(data / split / part)
        truth = pd.read_csv(data / "truth" / split / part)
        assert list(truth.columns) == ["customer_id", "probability"]
        assert list(truth["customer_id"]) == list(rows["customer_id"])


def test_truth_of_train_covers_both_classes(tables, truths):
    ids = pd.concat([tables["positive"], tables["negative"]])["customer_id"]
    assert sorted(truths["train"]["customer_id"]) == sorted(ids)


def test_base_rate(joined):
    # The intercept is fitted on another sample, which has an error of its own: hence 5 deviations.
    error = joined["probability"].std() / np.sqrt(ROWS)
    assert abs(joined["probability"].mean() - 1 / 29) < 5 * error
    assert abs(joined["label"].mean() - 1 / 29) < 5 * np.sqrt(1 / 29 / ROWS)


def test_labels_are_drawn_from_the_probability(joined):
    sums = joined.assign(variance=joined["probability"] * (1 - joined["probability"]))
    tenths = sums.groupby(pd.qcut(sums["probability"], 10), observed=True).sum(numeric_only=True)
    z = (tenths["label"] - tenths["probability"]) / np.sqrt(tenths["variance"])
    assert (z**2).sum() < 40  # chi-squared with 10 degrees of freedom: 1 in 60,000


def test_windows_are_nested(joined):
    for name in ("distinct_chains", "distinct_days_shopped", "distinct_products"):
        assert (joined[f"{name}_3m"] <= joined[f"{name}_6m"]).all()
        assert (joined[f"{name}_6m"] <= joined[f"{name}_12m"]).all()
    for months in (3, 6, 12):
        bought = joined[f"distinct_days_shopped_{months}m"] > 0
        for name in ("aov", "distinct_chains", "distinct_products", "total_sale_quantity"):
            assert ((joined[f"{name}_{months}m"] > 0) == bought).all()


def test_manifest_counts_what_was_written(data, tables, truths):
    manifest = json.loads((data / "manifest.json").read_text())
    assert (manifest["rows"], manifest["seed"], manifest["shards"]) == (ROWS, 7, SHARDS)
    train = manifest["splits"]["train"]
    assert train["positive"] == len(tables["positive"])
    assert train["negative"] == len(tables["negative"])
    for split, counts in manifest["splits"].items():
        assert counts["rows"] == counts["positive"] + counts["negative"] == len(truths[split])
        assert counts["mean_probability"] == pytest.approx(truths[split]["probability"].mean())


def test_fewest_rows_still_give_every_file(tmp_path):
    manifest = maker.make_data(tmp_path / "d", 1, shards=1)
    assert manifest["splits"]["train"]["rows"] <= 1
    assert len(list((tmp_path / "d").rglob("part-*.csv"))) == 7


def test_an_existing_directory_is_refused_unless_overwrite(tmp_path):
    maker.make_data(tmp_path / "d", 10, shards=1)
    before = _bytes(tmp_path / "d")
    with pytest.raises(ValueError, match="exists.*--overwrite"):
        maker.make_data(tmp_path / "d", 20, shards=1)
    assert _bytes(tmp_path / "d") == before
    assert maker.make_data(tmp_path / "d", 20, shards=1, overwrite=True)["rows"] == 20
    assert _bytes(tmp_path / "d") != before


def test_overwrite_spares_what_it_did_not_make(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match=r"manifest\.json"):
        maker.make_data(tmp_path, 10, overwrite=True)
    assert (tmp_path / "thesis.txt").exists()


def test_an_empty_directory_is_used(tmp_path):
    (tmp_path / "d").mkdir()
    maker.make_data(tmp_path / "d", 10, shards=1)
    assert (tmp_path / "d" / "manifest.json").exists()


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(maker, "_sums", interrupted)
    with pytest.raises(KeyboardInterrupt):
        maker.make_data(tmp_path / "d", 10, shards=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"rows": 0}, "0 rows"), ({"shards": 11}, "11 shards"), ({"seed": -1}, "seed.*-1")],
)
def test_wrong_numbers_are_refused(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        maker.make_data(tmp_path / "d", **{"rows": 10, "shards": 1, **wrong})


def test_command_line_says_what_is_wrong(tmp_path, capsys):
    maker.main(["--output", str(tmp_path / "d"), "--rows", "10", "--shards", "1"])
    assert json.loads(capsys.readouterr().out)["rows"] == 10
    with pytest.raises(SystemExit):
        maker.main(["--output", str(tmp_path / "d"), "--rows", "10"])
    assert "--overwrite" in capsys.readouterr().err
