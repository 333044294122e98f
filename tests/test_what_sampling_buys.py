"""A short form of the study: what sampling must not change, and what it changes without weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from examples.what_sampling_buys import data, report, study

# Keras' own fault, in set_random_seed
pytestmark = pytest.mark.filterwarnings("ignore:non-integer arguments:DeprecationWarning")

CELEBA = Path(__file__).parent.parent.parent / "shared/data/celeba-bald/celeba-bald.csv.gz"


def mean(rows, setting, figure):
    return report.mean(rows, setting, figure)[0]


def check(rows, of_mean):
    """Weighted, or corrected afterwards, a sample is as good as everything; else clearly wrong."""
    for setting in ("1 : 1", "1 : 1, no weight, corrected"):
        auc, log_loss, ece = (
            mean(rows, setting, figure) - mean(rows, "everything", figure)
            for figure in ("auc", "log_loss", "ece")
        )
        assert abs(auc) < 0.01, setting
        assert log_loss < 0.04 * mean(rows, "everything", "log_loss"), setting
        assert ece < 0.004, setting
        assert mean(rows, setting, "ratio") == pytest.approx(1, abs=of_mean), setting
    assert mean(rows, "1 : 1, no weight", "ratio") > 3
    assert mean(rows, "1 : 1, no weight", "log_loss") > 1.5 * mean(rows, "everything", "log_loss")
    assert mean(rows, "1 : 1", "bytes_read") < 0.4 * mean(rows, "everything", "bytes_read")
    assert mean(rows, "1 : 1", "share_of_rows") < 0.1


@pytest.mark.long
@pytest.mark.skipif(not CELEBA.exists(), reason="needs the data set")
def test_few_positives_and_every_negative_seen(tmp_path):
    of = data.celeba(tmp_path / "celeba", CELEBA)
    rows = study.run(of, study.RECIPES["celeba"], [0], study.EXTREMES)
    check(rows, of_mean=0.06)
    assert mean(rows, "1 : 1", "ratio") == pytest.approx(
        mean(rows, "everything", "ratio"), rel=0.04
    )
    epochs = {row["setting"]: row["epochs"] for row in rows}
    assert epochs["1 : 1"] == 44  # a negative for each of 3,657 positives; there are 158,800


def test_the_command_line_writes_a_table_and_a_picture(tmp_path, capsys):
    study.main(["shoppers", f"--output={tmp_path}", "--quick"])
    table = (tmp_path / "results-shoppers.md").read_text()
    assert [line.split("|")[1].strip() for line in table.splitlines()[2:]] == [
        setting.name for setting in study.EXTREMES
    ]
    assert table in capsys.readouterr().out
    assert (tmp_path / "results-shoppers.png").read_bytes().startswith(b"\x89PNG")
    of = data.shoppers(tmp_path / "shoppers-30000", 30_000)
    outputs = np.asarray(of.truth)
    labels = np.concatenate([labels for _, labels, _ in of.test().batches(["category"])])
    exact = study.measured(outputs, labels, of.truth)  # the truth itself is calibrated
    assert exact["ratio"] == pytest.approx(1)
    assert exact["ece"] < 0.02 and exact["auc"] > 0.75


def test_a_mean_has_its_standard_error():
    rows = [{"setting": "a", "auc": value} for value in (0.5, 0.7, 0.9)]
    assert report.mean(rows, "a", "auc") == pytest.approx((0.7, 0.2 / np.sqrt(3)))
