"""Habits of training: validation, the best checkpoint, early stopping, decay, dropout, transfer."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from sampling import Schema
from trainer import task

NOISE = [f"noise_{i}" for i in range(6)]
COLUMNS = {"id": int, "x": float, **dict.fromkeys(NOISE, float), "city": str, "label": int}

# Without decay, at a high rate and from rows that repeat, the best epoch comes early.
LONG = ["--best_metric=log_loss", "--decay=none", "--multiplier=2"]
LONG += ["--num_epochs=4", "--learning_rate=0.15"]
EPOCHS, STEPS = 4, 8  # of it, and of its epochs: 240 rows in batches of 32


def rows(rng, labels):
    """x and city say something; many columns say nothing, which a net learns by heart."""
    n = len(labels)
    noise = pd.DataFrame(rng.normal(size=(n, len(NOISE))), columns=NOISE)
    city = np.where(rng.random(n) < 0.3 + 0.4 * labels, "Rome", "Oslo")
    known = {"id": np.arange(n), "x": rng.normal(labels), "city": city, "label": labels}
    return pd.concat([pd.DataFrame(known), noise], axis=1)[list(COLUMNS)]


class Jobs:
    """Trainings on the same few files."""

    def __init__(self, folder):
        self.folder = folder

    def train(self, name, *more, capsys=None):
        given = {
            "job-dir": self.folder / name,
            "schema": self.folder / "schema.json",
            "label": "label",
            "forward": "id",
            "positive_dir": self.folder / "positive.csv",
            "negative_dir": self.folder / "negative.csv",
            "test_dir": self.folder / "test.csv",
            "dev_dir": self.folder / "dev.csv",
            "model": "dnn",
            "hidden_units": "64",
            "hash_buckets": 10,
            "num_epochs": 2,
            "batch_size": 32,
            "learning_rate": 0.03,
        }
        flags = [f"--{key}={value}" for key, value in given.items()]
        task.main(["propensity", "--mode=train", "--no-report", *flags, *more])  # the last one wins
        return capsys.readouterr().out if capsys else ""

    def json(self, name):
        return json.loads((self.folder / name / "evaluation.json").read_text())

    def weights(self, name, checkpoint=None):
        """Variables of a checkpoint, or the last."""
        folder = str(self.folder / name)
        path = f"{folder}/{checkpoint}" if checkpoint else tf.train.latest_checkpoint(folder)
        reader = tf.train.load_checkpoint(path)
        return {key: reader.get_tensor(key) for key in reader.get_variable_to_shape_map()}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("habits"), np.random.default_rng(0)
    (folder / "schema.json").write_text(Schema.from_dict(COLUMNS).to_json())
    rows(rng, np.ones(80, int)).to_csv(folder / "positive.csv", index=False)
    rows(rng, np.zeros(320, int)).to_csv(folder / "negative.csv", index=False)
    for name in ("dev", "test"):
        labels = (np.arange(1000) % 5 == 0).astype(int)
        rows(rng, labels).to_csv(folder / f"{name}.csv", index=False)
    return Jobs(folder)


@pytest.fixture(scope="module")
def long(jobs):
    """A training that learns its rows by heart, and keeps the best; what it said."""
    with pytest.MonkeyPatch.context() as patch:
        said = []
        patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        jobs.train("long", *LONG)
    return "\n".join(said)


def losses(said):
    """Of the development set, after each epoch."""
    lines = re.findall(r"^epoch +(\d+)  log_loss ([\d.]+)  auc [\d.]+$", said, re.MULTILINE)
    assert [int(epoch) for epoch, _ in lines] == list(range(1, len(lines) + 1))
    return [float(loss) for _, loss in lines]


def test_every_epoch_is_validated_and_the_best_one_is_kept(jobs, long):
    measured = losses(long)
    assert len(measured) == EPOCHS
    best = int(np.argmin(measured))
    assert best < EPOCHS - 1 and measured[-1] > 1.03 * measured[best]  # the others learn by heart
    assert jobs.json("long")["step"] == (best + 1) * STEPS
    (kept,) = (jobs.folder / "long/best").glob("*.index")
    assert kept.name == f"model.ckpt-{(best + 1) * STEPS}.index"
    assert jobs.weights("long")["global_step"] == EPOCHS * STEPS


def test_the_best_one_is_exported_evaluated_and_predicted_with(jobs, long):
    before = jobs.json("long")
    for mode in ("evaluate", "predict"):
        task.main(["propensity", f"--mode={mode}", f"--job-dir={jobs.folder}/long"])
    assert jobs.json("long") == before
    assert before["test_dir"] == [f"{jobs.folder}/test.csv"]  # not the one it was chosen by
    predicted = pd.read_json(jobs.folder / "long/predictions.jsonl", lines=True)["probability"]
    label = pd.read_csv(jobs.folder / "test.csv")["label"]
    log_loss = -np.log(np.where(label, predicted, 1 - predicted)).mean()
    assert before["log_loss"] == pytest.approx(log_loss, rel=1e-4)
    (export,) = (jobs.folder / "long/export").iterdir()
    ask = tf.saved_model.load(str(export)).signatures["csv:predict"]
    lines = pd.read_csv(jobs.folder / "test.csv").drop(columns="label").to_csv(index=False)
    answer = ask(csv_rows=tf.constant(lines.splitlines()[1:]))["logistic"][:, 0]
    np.testing.assert_allclose(answer, predicted, rtol=1e-4)


def test_early_stopping_ends_sooner_with_the_same_best(jobs, long, capsys):
    said = jobs.train("early", *LONG, "--patience=1", capsys=capsys)
    epochs = int(np.argmin(losses(long))) + 1 + 1
    assert losses(said) == losses(long)[:epochs]
    assert (
        f"stopped early: no evaluation was better than that of step {(epochs - 1) * STEPS}\n"
        in said
    )
    assert jobs.weights("early")["global_step"] == epochs * STEPS < EPOCHS * STEPS
    same = {**jobs.json("early"), "step": (epochs - 1) * STEPS}
    assert same == jobs.json("long")


def test_a_training_that_goes_on_knows_the_best_from_before(jobs, long):
    shutil.copytree(jobs.folder / "long", jobs.folder / "on")
    jobs.train("on", *LONG, f"--num_epochs={EPOCHS + 1}")  # which is worse, too
    assert jobs.json("on") == jobs.json("long")
    assert jobs.weights("on")["global_step"] == (EPOCHS + 1) * STEPS


@pytest.fixture(scope="module")
def steady(jobs):
    """A training of 200 steps at the same rate, and what others change of it."""
    flags = ["--num_epochs=40", "--checkpoint_steps=100", "--decay=none", "--dropout=0"]
    jobs.train("steady", *flags)
    return flags


@pytest.mark.long
def test_dropout_keeps_a_net_from_learning_by_heart(jobs, steady):
    jobs.train("dropout", *steady, "--dropout=0.5")
    dropped = jobs.json("dropout")
    assert dropped["log_loss"] < 0.8 * jobs.json("steady")["log_loss"]
    task.main(["propensity", "--mode=evaluate", f"--job-dir={jobs.folder}/dropout"])
    assert jobs.json("dropout") == dropped  # where nothing is learned, no unit is left out


@pytest.mark.long
def test_with_decay_the_last_steps_change_little(jobs, steady):
    moved = {}
    for decay in ("cosine", "linear"):
        jobs.train(f"decay {decay}", *steady, f"--decay={decay}")
    for name in ("decay cosine", "decay linear", "steady"):
        last = "dnn/hiddenlayer_0/kernel"
        before, after = (jobs.weights(name, f"model.ckpt-{step}")[last] for step in (100, 200))
        moved[name] = np.abs(after - before).mean()
    # Rates of the second half are on average 0.18 and 0.25 of the first one.
    assert moved["decay cosine"] < 0.4 * moved["steady"]
    assert moved["decay linear"] < 0.5 * moved["steady"]


@pytest.fixture(scope="module")
def other_label(jobs, long):
    """The same columns, and another label, in files of its own."""
    for name in ("positive", "negative", "dev", "test"):
        frame = pd.read_csv(jobs.folder / f"{name}.csv").rename(columns={"label": "returned"})
        frame.to_csv(jobs.folder / f"returned-{name}.csv", index=False)
    types = {name: kind for name, kind in COLUMNS.items() if name != "label"}
    (jobs.folder / "returned.json").write_text(
        Schema.from_dict({**types, "returned": int}).to_json()
    )
    files = ("positive", "negative", "dev", "test")
    paths = {f"{name}_dir": f"returned-{name}.csv" for name in files}
    paths["schema"] = "returned.json"
    return ["--label=returned", *(f"--{key}={jobs.folder}/{path}" for key, path in paths.items())]


def test_a_warm_start_is_with_the_layers_named(jobs, other_label):
    """The others, and the optimizer, start as ever; the numbers are scaled as they were."""
    names = "--warm_start_layers=hiddenlayer_0,city_embedding"
    flags = [*other_label, f"--warm_start_dir={jobs.folder}/long", names, "--num_epochs=1"]
    jobs.train("warm", *flags, "--hidden_units=64")
    (best,) = (jobs.folder / "long/best").glob("*.index")
    theirs = jobs.weights("long", f"best/{best.stem}")
    ours = jobs.weights("warm", "model.ckpt-0")
    for name, values in ours.items():
        if name.startswith("dnn/"):
            taken = "hiddenlayer_0" in name or "city_embedding" in name
            assert np.array_equal(values, theirs[name]) == taken, name
    scales = [
        json.loads((jobs.folder / name / "parameters.json").read_text())["scales"]
        for name in ("warm", "long")
    ]
    assert scales[0] == scales[1]


@pytest.mark.long
def test_a_linear_model_starts_warm_and_stays_so(jobs, other_label):
    """After one epoch at a small rate it is what the other model was, but for the bias."""
    jobs.train("linear", "--model=linear", "--num_epochs=4", "--learning_rate=0.2")
    flags = [*other_label, f"--warm_start_dir={jobs.folder}/linear", "--num_epochs=1"]
    jobs.train("warm_linear", *flags, "--model=linear", "--learning_rate=0.2")
    theirs, ours = jobs.weights("linear"), jobs.weights("warm_linear")
    for name in ("linear/linear_model/x/weights", "linear/linear_model/city/weights"):
        np.testing.assert_allclose(ours[name], theirs[name], atol=0.15)
        assert np.abs(theirs[name]).max() > 0.3
    assert jobs.weights("warm_linear", "model.ckpt-0")["linear/linear_model/bias_weights"] == 0


def test_a_cluster_keeps_no_best_checkpoint_and_says_so(jobs, monkeypatch, capsys):
    addresses = {"chief": ["localhost:1"], "worker": ["localhost:2"], "ps": ["localhost:3"]}
    config = {"cluster": addresses, "task": {"type": "chief", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    with pytest.raises(SystemExit):
        jobs.train("cluster", "--best_metric=auc")
    assert "--best_metric is given and TF_CONFIG names 2 workers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--patience=3"], "--best_metric is missing"),
        (["--warm_start_dir={}/none"], "found no trained model in"),
        (["--warm_start_dir={}/long", "--hidden_units=8"], "--hidden_units is [8]"),
        (["--warm_start_dir={}/long", "--warm_start_layers=top"], "expected names among city_emb"),
        (["--warm_start_dir={}/long", "--forward=id,x"], "the column 'x' of type FLOAT"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(jobs, long, capsys, flags, words):
    with pytest.raises(SystemExit):
        jobs.train("refused", *(flag.format(jobs.folder) for flag in flags))
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert not list((jobs.folder / "refused").glob("model.ckpt*"))
