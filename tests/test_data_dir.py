"""The trainer on what `tf-sampling split` wrote."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sampling.__main__ import main as prepare
from sampling.files import manifest
from sampling.formats.csv.options import CsvOptions
from trainer import task
from trainer.propensity import data_dir


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    generator = np.random.default_rng(0)
    labels = (generator.random(3000) < 0.1).astype(int)
    frame = pd.DataFrame({"who": generator.integers(900, size=3000), "x": labels + 0.5})
    frame["bought"] = labels
    frame.to_csv(folder / "raw.csv", index=False)
    types = {"who": "INTEGER", "x": "FLOAT", "bought": "INTEGER"}
    entries = [{"name": name, "type": type_} for name, type_ in types.items()]
    (folder / "schema.json").write_text(json.dumps(entries))
    return folder


def split(raw, output, *flags):
    prepare(["split", str(raw / "raw.csv"), f"--output={output}", "--key=who", *flags])
    return output


def typed(raw):
    return "--label=bought", f"--schema={raw / 'schema.json'}"


@pytest.mark.long  # the README's commands do it, too
def test_a_model_is_trained_and_evaluated_on_it(raw, tmp_path):
    data = split(raw, tmp_path / "data", *typed(raw), "--format=parquet")
    common = ["propensity", f"--job-dir={tmp_path / 'job'}", f"--data_dir={data}"]
    task.main([*common, "--mode=train", "--model=linear", "--num_epochs=1", "--forward=who"])
    evaluation = json.loads((tmp_path / "job/evaluation.json").read_text())
    rows = {name: sums["rows"] for name, sums in manifest.read(data)["splits"].items()}
    assert evaluation["rows"] == rows["dev"]
    task.main([*common, "--mode=evaluate"])
    assert json.loads((tmp_path / "job/evaluation.json").read_text())["rows"] == rows["test"]


def test_which_files_are_read(raw, tmp_path):
    data = str(split(raw, tmp_path / "data", *typed(raw), "--delimiter=,", "--by_class=train,dev"))
    train = data_dir.expand({"mode": "train", "data_dir": data, "test_dir": ["mine.csv"]})
    assert train == {
        "mode": "train",
        "data_dir": data,
        "label": "bought",
        "schema": f"{data}/_manifest.json",
        **CsvOptions().by_name(),
        "positive_dir": [f"{data}/train/positive/*.csv"],
        "negative_dir": [f"{data}/train/negative/*.csv"],
        "dev_dir": [f"{data}/dev/*/*.csv"],
        "test_dir": ["mine.csv"],
    }
    given = {"mode": "train", "data_dir": data}
    assert data_dir.expand(given)["test_dir"] == [f"{data}/dev/*/*.csv"]
    predict = data_dir.expand({"mode": "predict", "data_dir": data})
    assert predict["test_dir"] == [f"{data}/test/*.csv"] and "schema" not in predict


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "has test, train, expected train/positive and train/negative"),
        (["--label=bought"], "--schema is missing"),
    ],
)
def test_a_split_that_can_not_be_trained_on(raw, tmp_path, capsys, flags, message):
    data = split(raw, tmp_path / "data", "--splits=train=0.8,test=0.2", *flags)
    with pytest.raises(SystemExit):
        job = f"--job-dir={tmp_path / 'job'}"
        task.main(["propensity", "--mode=train", job, f"--data_dir={data}"])
    assert message in capsys.readouterr().err


def test_a_folder_that_is_no_split(raw, tmp_path, capsys):
    with pytest.raises(SystemExit):
        job = f"--job-dir={tmp_path / 'job'}"
        task.main(["propensity", "--mode=train", job, f"--data_dir={raw}"])
    assert "_manifest.json" in capsys.readouterr().err
