"""The wide and deep model of the propensity job, from raw files to what is served."""

from __future__ import annotations

import functools
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss, roc_auc_score

from sampling.__main__ import main as prepare
from sampling.prepare import schema
from sampling.schema.inferring.inference import Wishes
from trainer import task

ROWS = 12_000
LABEL = "cancelled"


def made_up(rows, seed=0):
    """A booking's columns, the probability that it is cancelled, and whether it was.

    Blanks mean something, spending has a long tail, agents are many, and what the number of nights
    says depends on the kind of room.
    """
    rng = np.random.default_rng(seed)
    agent = rng.zipf(1.3, rows).clip(max=3000)
    agent_says = np.random.default_rng(7).normal(0, 0.8, 3001)
    code = rng.choice([3, 11, 14, 25, 70], rows)
    code_says = {3: 1.0, 11: -1.0, 14: 1.2, 25: -0.8, 70: 0.3}
    spend = np.exp(rng.normal(4, 1.2, rows)).round(2)
    nights = rng.poisson(4, rows) + 1
    is_suite = rng.random(rows) < 0.4
    days = rng.integers(0, 900, rows)
    date = pd.to_datetime("2021-01-01") + pd.to_timedelta(days, "D")
    hour = rng.integers(0, 24, rows)
    has_no_deposit = rng.random(rows) < 0.3
    is_vip = rng.random(rows) < 0.2
    logit = (
        -3.2
        + agent_says[agent]
        + pd.Series(code).map(code_says).to_numpy()
        + 0.5 * (np.log(spend) - 4)
        + np.where(is_suite, 0.45, -0.45) * (nights - 5)
        + 0.8 * np.sin(2 * np.pi * date.day_of_year / 365)
        + 0.9 * has_no_deposit
        - 0.7 * is_vip
    )
    probability = 1 / (1 + np.exp(-np.asarray(logit, float)))
    frame = pd.DataFrame(
        {
            "booking_id": 10_000_000 + rng.permutation(rows),
            "guest": [f"gäst-{n:06d}" for n in rng.permutation(rows)],
            "agent": [f"agent {n}" for n in agent],
            "code": code,
            "spend": spend,
            "nights": nights,
            "room": np.where(is_suite, "suíte", "room"),
            "arrives": [f"{d:%Y-%m-%d} {h:02}:00:00" for d, h in zip(date, hour, strict=True)],
            "deposit": pd.array(np.where(has_no_deposit, 0, rng.integers(1, 500, rows)), "Int64"),
            "vip": np.where(is_vip, "true", "false"),
            LABEL: (rng.random(rows) < probability).astype(int),
        }
    )
    frame.loc[has_no_deposit, "deposit"] = pd.NA
    frame.loc[rng.random(rows) < 0.05, "spend"] = np.nan
    frame.loc[rng.random(rows) < 0.05, "vip"] = np.nan
    frame.loc[rng.random(rows) < 0.05, "arrives"] = np.nan
    return frame, probability


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder of the raw file, of its schema and of its split."""
    folder = tmp_path_factory.mktemp("bookings")
    frame, probability = made_up(ROWS)
    frame.to_csv(folder / "raw.csv", index=False)
    truth = pd.DataFrame({"booking_id": frame["booking_id"], "truth": probability})
    truth.to_csv(folder / "truth.csv", index=False)
    raw = str(folder / "raw.csv")
    wishes = Wishes(LABEL, key=["booking_id", "guest"])
    (folder / "schema.json").write_text(schema.infer(raw, wishes, schema.HowToRead()).to_json())
    flags = [f"--schema={folder}/schema.json", f"--label={LABEL}", "--key=booking_id"]
    prepare(["split", raw, f"--output={folder}/split", *flags])
    return folder


def train(data, job_dir, *flags):
    given = [f"--job-dir={job_dir}", f"--data_dir={data}/split", "--no-report", *flags]
    given = ["--num_epochs=12", "--checkpoint_steps=300", *given]  # the last one wins
    task.main(["propensity", "--mode=train", *given])
    return predict(data, job_dir)


def predict(data, job_dir, *flags):
    """Predictions of the test files beside their labels and true probabilities."""
    given = [f"--job-dir={job_dir}", f"--data_dir={data}/split", *flags]
    task.main(["propensity", "--mode=predict", *given])
    found = pd.read_json(job_dir / "predictions.jsonl", lines=True)
    known = pd.read_csv(data / "truth.csv").merge(held_out(data)[["booking_id", LABEL]])
    return found.merge(known, on="booking_id")


def held_out(data):
    files = sorted((data / "split/test").glob("*.csv"))
    return pd.concat([pd.read_csv(file, dtype={"deposit": "Int64"}) for file in files])


@pytest.fixture(scope="module")
def default(data, tmp_path_factory):
    """By its defaults, but for its length: its directory, predictions, and what it said; the
    evaluation on dev is kept as dev.json."""
    job_dir = tmp_path_factory.mktemp("default")
    with pytest.MonkeyPatch.context() as patch:
        said = []
        patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        found = train(data, job_dir)
    shutil.copy(job_dir / "evaluation.json", job_dir / "dev.json")
    return job_dir, found, "\n".join(said)


def test_it_comes_near_the_truth_and_beats_a_logistic_regression(default):
    """What nights say depends on the room, which no sum of features tells."""
    job_dir, found, _ = default
    dev = json.loads((job_dir / "dev.json").read_text())
    assert dev["auc"] > dev["baseline_auc"] + 0.02
    assert dev["log_loss"] < 0.97 * dev["baseline_log_loss"]
    assert dev["warnings"] == []
    best, ours = (roc_auc_score(found[LABEL], found[name]) for name in ("truth", "probability"))
    assert ours > best - 0.04, (ours, best)


def test_ids_are_forwarded_and_columns_are_taken_by_their_kind(default):
    job_dir, found, _ = default
    assert list(found)[:2] == ["booking_id", "guest"]
    known = json.loads((job_dir / "parameters.json").read_text())["columns"]
    numbers = {each["name"]: each for each in known["numbers"]}
    categories = {each["name"]: each for each in known["categories"]}
    assert {"spend", "nights", "deposit", "vip", "code", "arrives"} == set(numbers)
    assert {"agent", "code", "room"} <= set(categories) <= {"agent", "code", "room", "nights"}
    indicated = {name for name, each in numbers.items() if each["has_indicator"]}
    assert indicated == {"spend", "deposit", "vip", "arrives"}
    (date,) = known["dates"]
    assert date["cycles"] == ["year", "week", "day"]
    assert set(categories["room"]["vocabulary"]) == {"room", "suíte"}


def test_it_is_calibrated_on_dev_and_the_export_says_so(data, default):
    job_dir, found, said = default
    parameters = json.loads((job_dir / "parameters.json").read_text())
    calibration = parameters["calibration"]
    assert f"slope {calibration['slope']:.3f} ± {calibration['slope_error']:.3f}" in said
    dev = json.loads((job_dir / "dev.json").read_text())
    assert parameters["calibrated_step"] == dev["step"] and dev["calibrated"] is True
    told = asked(data, job_dir)["calibration"].numpy()
    expected = [[calibration["slope"], calibration["intercept"]]] * len(found)
    np.testing.assert_allclose(told, expected, rtol=1e-6)
    errors = found["probability"].std() / len(found) ** 0.5
    assert found["probability"].mean() == pytest.approx(found["truth"].mean(), abs=0.01 + errors)


def evaluation(job_dir):
    return json.loads((job_dir / "evaluation.json").read_text())


@functools.cache
def exported(job_dir):
    return tf.saved_model.load(str(max((job_dir / "export").iterdir())))


def asked(data, job_dir):
    """What the exported model answers to the test files' lines."""
    lines = held_out(data).drop(columns=LABEL).to_csv(index=False).splitlines()[1:]
    return exported(job_dir).signatures["csv:predict"](csv_rows=tf.constant(lines))


def test_export_predictions_and_evaluation_agree(data, default):
    job_dir, found, _ = default
    answers = asked(data, job_dir)
    assert answers["booking_id_"].numpy().tolist() == found["booking_id"].tolist()
    np.testing.assert_allclose(answers["logistic"][:, 0], found["probability"], atol=1e-6)
    task.main(
        ["propensity", "--mode=evaluate", f"--job-dir={job_dir}", "--no-report"]
        + [f"--data_dir={data}/split"]
    )
    expected = {
        "mean_prediction": found["probability"].mean(),
        "log_loss": log_loss(found[LABEL], found["probability"]),
        "base_rate": found[LABEL].mean(),
    }
    measured = evaluation(job_dir)
    assert {name: measured[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_a_blank_is_the_same_served_as_trained_on(data, default):
    """A blank of CSV, and the values that stand for one where there is a tensor a feature."""
    job_dir, found, _ = default
    rows = held_out(data).drop(columns=LABEL).reset_index(drop=True)
    for name in ("spend", "deposit", "vip", "arrives", "room"):
        rows[name] = pd.NA
    lines = rows.to_csv(index=False).splitlines()[1:]
    by_line, by_feature = map(exported(job_dir).signatures.get, ("csv:predict", "predict"))
    blanks = by_line(csv_rows=tf.constant(lines))["logistic"]
    count = len(rows)
    features = {
        "booking_id": tf.constant(rows["booking_id"], tf.int64),
        "guest": tf.constant(rows["guest"].tolist()),
        "agent": tf.constant(rows["agent"].tolist()),
        "code": tf.constant(rows["code"], tf.int64),
        "nights": tf.constant(rows["nights"], tf.int64),
        "spend": tf.fill([count], np.float32("nan")),
        "deposit": tf.fill([count], tf.constant(-(2**63), tf.int64)),
        "vip": tf.fill([count], tf.constant(-1, tf.int64)),
        "arrives": tf.fill([count], ""),
        "room": tf.fill([count], ""),
    }
    np.testing.assert_array_equal(by_feature(**features)["logistic"], blanks)
    rows.to_csv(job_dir / "blank.csv", index=False)
    of_files = predict(data, job_dir, f"--test_dir={job_dir}/blank.csv")
    np.testing.assert_allclose(of_files["probability"], blanks[:, 0], atol=1e-6)
    assert np.abs(of_files["probability"] - found["probability"]).max() > 0.05


def test_a_finished_training_comes_to_the_same_again(default, tmp_path):
    job_dir, _, _ = default
    shutil.copytree(job_dir, tmp_path / "job")
    job = tmp_path / "job"
    task.main(["propensity", "--mode=train", f"--job-dir={job}", "--no-report"])
    assert evaluation(job) == json.loads((job_dir / "dev.json").read_text())
    known = [json.loads((each / "parameters.json").read_text()) for each in (job, job_dir)]
    assert known[0]["columns"] == known[1]["columns"]
    assert known[0]["calibration"] == known[1]["calibration"]


def test_another_label_starts_with_its_weights(data, default, tmp_path):
    job_dir, _, _ = default
    flags = [f"--warm_start_dir={job_dir}", "--num_epochs=1", "--calibrate=no", "--no-report"]
    flags += ["--best_metric=no", "--baseline=no"]
    task.main(
        ["propensity", "--mode=train", f"--job-dir={tmp_path}", *flags]
        + [f"--data_dir={data}/split"]
    )
    theirs = tf.train.load_checkpoint(tf.train.latest_checkpoint(f"{job_dir}/best"))
    ours = tf.train.load_checkpoint(f"{tmp_path}/model.ckpt-0")
    names = [n for n in theirs.get_variable_to_shape_map() if n.startswith(("wide/", "deep/"))]
    weights = [name for name in names if not name.endswith(("/m", "/v"))]
    assert len(weights) > 7
    for name in weights:
        same = np.array_equal(ours.get_tensor(name), theirs.get_tensor(name))
        assert same == (not name.startswith("deep/logits")), name
    assert json.loads((tmp_path / "parameters.json").read_text())["calibration"] is None
