"""The embedded table of customers, and a short form of the study that trains on it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from examples.customers import make_data
from examples.real_files import report, sets, study
from sampling import Schema
from sampling.__main__ import main as tf_sampling
from sampling.errors import SamplingError

ROWS = 8_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("customers") / "data"
    make_data.make_data(made, ROWS, seed=3)
    return made


@pytest.fixture(scope="module")
def table(folder):
    rows = pd.read_csv(folder / "customers.csv", encoding="utf-8-sig")
    return rows.merge(pd.read_csv(folder / "truth.csv"), on=make_data.KEY)


def test_same_seed_same_bytes_another_seed_others(folder, tmp_path):
    for name, seed in (("again", 3), ("other", 4)):
        make_data.make_data(tmp_path / name, ROWS, seed)
    for file in ("customers.csv", "truth.csv", "_manifest.json"):
        assert (folder / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
        assert (folder / file).read_bytes() != (tmp_path / "other" / file).read_bytes()


def test_labels_are_drawn_from_the_truth(folder, table):
    bought = table[make_data.LABEL] == "yes"
    assert table["probability"].mean() == pytest.approx(make_data.BASE_RATE, abs=1e-6)
    sums = table.assign(bought=bought, variance=table["probability"] * (1 - table["probability"]))
    tenths = sums.groupby(pd.qcut(table["probability"], 10)).sum(numeric_only=True)
    z = (tenths["bought"] - tenths["probability"]) / np.sqrt(tenths["variance"])
    assert (z**2).sum() < 40  # chi-squared with 10 degrees of freedom: 1 in 60,000
    said = json.loads((folder / "_manifest.json").read_text())
    assert said["positive"] == bought.sum()
    measured = study.measured(table["probability"].to_numpy(), bought.to_numpy(float))
    assert {name: said["truth"][name] for name in ("auc", "log_loss")} == pytest.approx(
        {name: measured[name] for name in ("auc", "log_loss")}
    )


def test_the_command_takes_the_columns_for_what_they_are(folder, table, capsys):
    raw = str(folder / "customers.csv")
    assert (folder / "customers.csv").read_bytes().startswith(b"\xef\xbb\xbfcustomer_id,")
    tf_sampling(["schema", raw, f"--label={make_data.LABEL}", f"--key={make_data.KEY}"])
    found = Schema.from_json(capsys.readouterr().out)
    assert found.classes == ("no", "yes")
    assert found.features_to_forward == ("customer_id", "e-mail")
    kinds = {field.name: (field.type, field.kind) for field in found}
    assert kinds["registered"] == ("DATE", "date")
    assert kinds["last_order"] == ("DATETIME", "date")
    assert {kinds[name] for name in ("town", "dealer", "remark")} == {("STRING", "category")}
    assert {kinds[name] for name in ("newsletter", "is_company")} == {("BOOLEAN", "number")}
    assert {kinds[name][0] for name in ("tariff", "birth_year", "income")} == {"INTEGER"}
    missing = {name: found.statistics[name].missing for name in table if name in kinds}
    assert missing == {name: table[name].isna().sum() for name in missing}
    assert (table["last_order"].isna() == (table["orders"] == 0)).all()
    assert found.statistics["town"].values["Zürich"] == (table["town"] == "Zürich").sum()


def test_wrong_numbers_and_a_full_folder_are_refused(folder, capsys):
    with pytest.raises(SamplingError, match="--rows=10 and --seed=0, expected 1,000 rows"):
        make_data.make_data(folder, rows=10)
    with pytest.raises(SystemExit, match=r"holds _manifest.json already"):
        make_data.main([f"--output={folder}"])


def test_the_study_by_its_command(tmp_path, capsys):
    study.main([f"--output={tmp_path}", "--quick", f"--data={tmp_path}"])
    text = (tmp_path / "results.md").read_text()
    assert text in capsys.readouterr().out
    rows = pd.read_csv(tmp_path / "results.csv").set_index("model")
    assert list(rows.index) == list(report.MODELS)
    assert set(rows["set"]) == {sets.CUSTOMERS}  # the others are not there
    assert rows.loc[report.OURS, "share_of_rows"] == 1  # as on everything, which is not done again
    same = rows.loc[[report.OURS, report.EVERYTHING]]
    assert (same.nunique() <= 1).all()
    assert rows.loc[report.OURS, "auc"] > 0.6
    for name in report.MODELS:
        assert rows.loc[name, "auc"] <= rows.loc[report.TRUTH, "auc"], name
        assert rows.loc[name, "log_loss"] >= rows.loc[report.TRUTH, "log_loss"], name
        assert f"| customers | {name} |" in text
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")
    before = (tmp_path / "results.csv").read_bytes()
    study.main([f"--output={tmp_path}", "--quick"])  # nothing is done again
    assert (tmp_path / "results.csv").read_bytes() == before


def test_differences_are_of_pairs():
    figures = {"log_loss": 0.2, "ece": 0.01, "ratio_error": 0.05}
    figures |= {"train_positives": 100, "train_rows": 3_000}
    rows = [
        {"set": "a", "seed": seed, "model": model, "auc": auc + seed / 10, "ratio": 1.02}
        | {"share_of_rows": 0.1, **figures}
        for seed in range(2)
        for model, auc in zip(report.MODELS, (0.7, 0.69, 0.68, 0.71, 0.72), strict=True)
    ]
    text = report.tables(rows)
    assert "| a | default commands | 10.0% | 0.7500 ± 0.0500 |" in text
    line = next(line for line in text.splitlines() if line.startswith("| a | 2 | 100 |"))
    assert "| +0.0100 ± 0.0000 | 1.000 ± 0.000 | -0.0100 ± 0.0000 | +2.0% | +0.6 | 1.00 |" in line
    assert line.endswith("| boosting's AUC |")
    for row in rows:
        if row["model"] == report.OURS:
            row |= {"auc": 0.6, "log_loss": 0.21, "ece": 0.013, "ratio": 1.11, "share_of_rows": 0.2}
    missed = "rows an epoch, AUC, log loss, boosting's AUC, mean, ECE"
    assert report.tables(rows).endswith(f"| {missed} |\n")
