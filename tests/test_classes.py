"""The job of many classes, from raw files to what is served."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn import metrics

from sampling import Schema
from sampling.__main__ import main as prepare
from sampling.probabilities.temperature import softmax
from trainer import task
from trainer.classes.inputs import most_rows

ROWS = 5_000
NAMES = ["<=1, a", "größer", "c/d"]  # as folders, in JSON and as columns
RARE = "two rows"
LABEL = "kind"


def made_up(rows, seed=0):
    """What x says of a class depends on the colour, which no sum of features tells."""
    rng = np.random.default_rng(seed)
    x, is_red = rng.normal(size=rows), rng.random(rows) < 0.5
    logits = np.stack([np.where(is_red, 1, -1) * 1.5 * x, 0.8 * x - 0.5, -1.2 + 0 * x], axis=1)
    labels = (softmax(logits).cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1)
    kind = np.array([*NAMES, RARE], object)[labels]
    kind[:2] = RARE
    frame = {"who": np.arange(rows) + 7_000, "x": x.round(4), LABEL: kind}
    frame["colour"] = np.where(is_red, "red", "blue")
    return pd.DataFrame(frame)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder of the raw file and of its split."""
    folder = tmp_path_factory.mktemp("kinds")
    made_up(ROWS).to_csv(folder / "raw.csv", index=False)
    types = {"who": "INTEGER", "x": "FLOAT", LABEL: "STRING", "colour": "STRING"}
    (folder / "schema.json").write_text(Schema.from_dict(types).to_json())
    flags = [f"--schema={folder}/schema.json", f"--label={LABEL}", "--classes=each"]
    flags += ["--splits=train=0.6,dev=0.2,test=0.2", f"--output={folder}/split", "--shards=1"]
    prepare(["split", str(folder / "raw.csv"), *flags, "--seed=1"])
    return folder


def run(mode, data, job_dir, *flags):
    given = [f"--job-dir={job_dir}", f"--data_dir={data}/split", *flags]
    task.main(["classes", f"--mode={mode}", *given])


def read(job_dir, name="evaluation.json"):
    return json.loads((job_dir / name).read_text())


def held_out(data):
    return pd.concat([pd.read_csv(file) for file in sorted(data.glob("split/test/*.csv"))])


@pytest.fixture(scope="module")
def default(data, tmp_path_factory):
    """By its defaults, but for its length: its directory, the predictions of the test rows and
    their labels, and what was said. What it came to on dev is kept as dev.json."""
    job_dir = tmp_path_factory.mktemp("default")
    with pytest.MonkeyPatch.context() as patch:
        said = []
        patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        flags = ["--num_epochs=25", "--checkpoint_steps=300", "--forward=who"]
        run("train", data, job_dir, *flags)
    shutil.copy(job_dir / "evaluation.json", job_dir / "dev.json")
    run("predict", data, job_dir)
    run("evaluate", data, job_dir, "--no-report")
    found = pd.read_json(job_dir / "predictions.jsonl", lines=True)
    return job_dir, found, held_out(data)[LABEL].to_numpy(), "\n".join(said)


def test_it_beats_a_logistic_regression_and_nothing_speaks_against_it(default):
    dev = read(default[0], "dev.json")
    assert dev["log_loss"] < 0.93 * dev["baseline_log_loss"] < dev["constant_log_loss"]
    assert dev["warnings"] == [] and dev["calibrated"] is True
    assert dev["step"] <= 600 and "warning" not in default[3]


def test_predictions_have_ids_and_classes_by_name(data, default):
    _, found, _, _ = default
    columns = [f"probability_{name}" for name in sorted([*NAMES, RARE])]
    assert list(found) == ["who", "class", *columns]
    assert found["who"].tolist() == held_out(data)["who"].tolist()
    likeliest = found[columns].to_numpy().argmax(axis=1)
    assert found["class"].tolist() == [sorted([*NAMES, RARE])[place] for place in likeliest]
    np.testing.assert_allclose(found[columns].sum(axis=1), 1, atol=1e-6)


def test_an_evaluation_is_of_what_is_predicted(default):
    job_dir, found, labels, _ = default
    names = sorted([*NAMES, RARE])
    p = found[[f"probability_{name}" for name in names]].to_numpy()
    measured = read(job_dir)
    own = p[np.arange(len(p)), [names.index(label) for label in labels]]
    present = sorted(set(labels))
    expected = {
        "rows": len(labels),
        "log_loss": -np.log(own).mean(),
        "accuracy": (found["class"] == labels).mean(),
        "macro_recall": metrics.recall_score(
            labels, found["class"], labels=present, average="macro"
        ),
        "top_2_accuracy": metrics.top_k_accuracy_score(labels, p, k=2, labels=names),
    }
    assert {name: measured[name] for name in expected} == pytest.approx(expected, abs=1e-5)
    for name in NAMES:
        of_class, is_class = measured["by_class"][name], labels == name
        assert of_class["rows"] == is_class.sum()
        area = metrics.roc_auc_score(is_class, found[f"probability_{name}"])
        assert of_class["auc"] == pytest.approx(area, abs=1e-4)
        assert of_class["mean_prediction"] == pytest.approx(of_class["base_rate"], abs=0.04)
    places = [names.index(name) for name in present]
    counted = metrics.confusion_matrix(labels, found["class"], labels=present)
    assert np.array(measured["confusion"])[np.ix_(places, places)].tolist() == counted.tolist()


def test_a_class_of_two_rows_does_no_harm(data, default):
    job_dir, found, _, said = default
    files = list(data.glob("split/train/two%20rows/*.csv"))
    in_training = sum(len(pd.read_csv(file)) for file in files)
    assert in_training < 2, "so that some of it is for the others alone"
    assert f"share one bias: {RARE}" in said
    assert found[f"probability_{RARE}"].between(1e-9, 0.02).all()
    assert np.isfinite(read(job_dir, "dev.json")["log_loss"])
    files_, stream = (read(job_dir, "parameters.json")["prior"][key] for key in ("files", "stream"))
    assert (
        files_ == pytest.approx(stream) and 0 < files_[sorted([*NAMES, RARE]).index(RARE)] < 0.001
    )


def test_the_export_answers_the_same_with_the_calibration(data, default, tmp_path):
    job_dir, found, _, _ = default
    (export,) = (job_dir / "export").iterdir()
    asked = tf.saved_model.load(str(export)).signatures["csv:predict"]
    lines = held_out(data).drop(columns=LABEL).to_csv(index=False).splitlines()[1:]
    answer = asked(csv_rows=tf.constant(lines))
    np.testing.assert_allclose(answer["probabilities"], found.iloc[:, 2:], atol=1e-6)
    assert [each.decode() for each in answer["classes"][:, 0].numpy()] == found["class"].tolist()
    known = read(job_dir, "parameters.json")["calibration"]
    expected = [1 / known["temperature"], *known["biases"]]
    np.testing.assert_allclose(answer["calibration"][0], expected, rtol=1e-5)
    assert answer["who_"].numpy().tolist() == found["who"].tolist()


def test_the_report_shows_confusion_classes_and_wrong_rows_by_id(default):
    page = (default[0] / "report/report.html").read_text()
    for text in (
        "Confusion",
        "Reliability",
        "größer",
        "macro recall",
        "logistic regression",
        "who",
    ):
        assert text in page, text
    drawn = {file.name for file in (default[0] / "report").iterdir()}
    assert drawn == {"report.html", "confusion.png", "importance.png", "reliability.png"}
    rises = read(default[0], "importance.json")["log_loss_rises"]
    assert set(rises) == {"x", "colour"}  # what is forwarded is not learned from
    assert all(rise > 5 * error > 0 for rise, error in rises.values())


def test_a_finished_training_comes_to_the_same_again(default, tmp_path):
    job_dir, _, _, _ = default
    shutil.copytree(job_dir, tmp_path / "job")
    job = tmp_path / "job"
    task.main(["classes", "--mode=train", f"--job-dir={job}", "--no-report"])
    assert read(job) == read(job_dir, "dev.json")


def test_two_classes_of_mixed_files_down_sampled_and_corrected(data, tmp_path):
    """Whole numbers, 19 rows in 20 of one class, a sample that weights do not make up for."""
    frame = made_up(6_000)[["x", "colour"]]
    rng = np.random.default_rng(3)
    frame["bought"] = (rng.random(6_000) < 0.05 * np.exp(frame["x"].clip(-2, 2))).astype(int)
    for name, part in {"train": frame[:4_000], "test": frame[4_000:]}.items():
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    types = {"x": "FLOAT", "colour": "STRING", "bought": "INTEGER"}
    (tmp_path / "schema.json").write_text(Schema.from_dict(types).to_json())
    flags = [f"--train_dir={tmp_path}/train.csv", f"--test_dir={tmp_path}/test.csv"]
    flags += [f"--schema={tmp_path}/schema.json", "--label=bought", "--most_rows=400"]
    flags += ["--weight=1", "--num_epochs=40", "--no-report", f"--job-dir={tmp_path}/job"]
    task.main(["classes", "--mode=train", *flags])
    found = read(tmp_path / "job")
    assert found["corrected"] is True and found["warnings"] == []
    bought = found["by_class"]["1"]
    assert bought["mean_prediction"] == pytest.approx(bought["base_rate"], rel=0.25)
    assert bought["auc"] > 0.65 and "top_2_accuracy" not in found
    prior = read(tmp_path / "job", "parameters.json")["prior"]
    assert prior["stream"][1] > 2 * prior["files"][1]


def test_as_few_rows_of_the_largest_class_as_cost_nothing():
    assert most_rows([1_000, 900, 2]) == "natural"
    assert most_rows([1_000_000, 1_000, 2]) == 20_000
    assert most_rows([1_000_000, 20_000, 10_000]) == 60_000  # twice the others
    assert most_rows([100, 1, 1]) == 13


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--class_dir=other=*.csv"], "names the class 'other', expected one of '<=1, a', 'c/d'"),
        (["--patience=2", "--best_metric=no"], "--patience=2 waits for a better metric"),
        (["--most_rows=few"], "expected a whole number of at least 1, or 'auto', or 'natural'"),
        (["--class_dir=a"], "found 'a', expected a label and its files"),
        (["--export_dir=x"], "--export_dir goes with --mode=predict"),
    ],
)
def test_flags_that_can_not_be_meant(data, tmp_path, capsys, flags, message):
    with pytest.raises(SystemExit):
        run("train", data, tmp_path, *flags)
    assert message in capsys.readouterr().err


def test_splits_that_are_not_of_classes(data, tmp_path, capsys):
    raw, schema = str(data / "raw.csv"), f"--schema={data}/schema.json"
    several = [f"--positive={NAMES[1]}", f"--negative={NAMES[2]},{RARE}", f"--label={LABEL}"]
    kept = made_up(500)[lambda frame: frame[LABEL] != NAMES[0]]
    kept.to_csv(tmp_path / "few.csv", index=False)
    for source, flags, message in (
        (raw, [], "has 0 classes, expected two or more; split it by --label=NAME --classes=each"),
        (str(tmp_path / "few.csv"), several, "class negative has 2 labels"),
    ):
        folder = tmp_path / "other/split"
        prepare(["split", source, schema, f"--output={folder}", "--overwrite", *flags])
        with pytest.raises(SystemExit):
            run("train", tmp_path / "other", tmp_path / "job")
        assert message in capsys.readouterr().err
