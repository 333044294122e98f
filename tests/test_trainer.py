"""The propensity job from the command line to its files."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from scipy import stats
from sklearn.metrics import average_precision_score

from sampling import Schema, progress
from sampling.command_line.common import FORMATS
from sampling.errors import SamplingError
from sampling.formats import registry
from tests import servicer, written
from trainer import task
from trainer.job_dir import contents, json_lines, restart
from trainer.propensity.model import features as columns
from trainer.propensity.model import metrics
from trainer.training import hooks

TYPES = {
    "member": "INTEGER",
    "code": "STRING",
    "spend": "FLOAT",
    "visits": "INTEGER",
    "vip": "BOOLEAN",
    "city": "STRING",
    "since": "DATE",
    "bought": "INTEGER",
}
POSITIVES, NEGATIVES, TESTED = 300, 3000, 1500


@dataclasses.dataclass
class Job:
    """A small set of files, and a model in a directory."""

    folder: Path
    job_dir: Path
    said: str = ""

    def flags(self, mode, *more):
        """With all that training needs, for another job_dir if it is named."""
        data = {
            "schema": self.folder / "schema.json",
            "label": "bought",
            "forward": "member,code",
            "positive_dir": self.folder / "positive.csv",
            "negative_dir": f"{self.folder}/negative-0.csv,{self.folder}/negative-1.csv",
            "test_dir": self.folder / "test-*.csv",
        }
        given = [f"--{name}={value}" for name, value in data.items()]
        small = [
            "--model=dnn",
            "--num_epochs=6",
            "--hidden_units=16",
            "--batch_size=32",
            "--seed=3",
        ]
        small += ["--learning_rate=0.02", "--no-report"]  # which takes longer than they do
        return self.short(mode, *given, *small, *more)

    def short(self, mode, *more):
        """Without them, as a model that is trained needs."""
        return ["propensity", f"--mode={mode}", f"--job-dir={self.job_dir}", *more]

    def json(self, name):
        return json.loads((self.job_dir / name).read_text())

    def predictions(self):
        lines = (self.job_dir / "predictions.jsonl").read_text().splitlines()
        return pd.DataFrame([json.loads(line) for line in lines])

    def tested(self):
        files = sorted(self.folder.glob("test-*.csv"))
        return pd.concat([pd.read_csv(file, keep_default_na=False) for file in files])


def rows(rng, labels):
    """Buyers spend more; spending has a long tail."""
    n = len(labels)
    frame = {
        "member": rng.permutation(10**6)[:n],
        "code": [f"ü{i}" if i % 5 else "" for i in range(n)],
        "spend": np.exp(rng.normal(3 + labels, 1)).round(2),
        "visits": rng.poisson(2 + 2 * labels),
        "vip": np.where(rng.random(n) < 0.3, "true", "false"),
        "city": rng.choice(["Rome", "Oslo", ""], n),
        "since": [f"2020-01-{1 + i % 28:02}" for i in range(n)],
        "bought": labels,
    }
    return pd.DataFrame(frame)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    (folder / "schema.json").write_text(Schema.from_dict(TYPES).to_json())
    rows(rng, np.ones(POSITIVES, int)).to_csv(folder / "positive.csv", index=False)
    for part, negatives in enumerate(np.array_split(np.zeros(NEGATIVES, int), 2)):
        rows(rng, negatives).to_csv(folder / f"negative-{part}.csv", index=False)
    labels = (rng.random(TESTED) < POSITIVES / (POSITIVES + NEGATIVES)).astype(int)
    for part, tested in enumerate(np.array_split(labels, 3)):
        rows(rng, tested).to_csv(folder / f"test-{part}.csv", index=False)
    return folder


# What TensorFlow 2.16 and newer say as they are imported, at any log level.
IMPORTING = re.compile(r"WARNING: All log messages before absl::InitializeLog|I0000 ")


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """By a process of its own, which is how it is run; then the same test files predicted."""
    job = Job(data, tmp_path_factory.mktemp("job"))
    command = [sys.executable, "-m", "trainer.task", *job.flags("train")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    job.said = done.stdout
    lines = [line for line in done.stderr.splitlines() if line and not IMPORTING.match(line)]
    assert lines and all(line.startswith(("training", "evaluating")) for line in lines), lines
    task.main(job.short("predict"))
    return job


def refused(capsys, arguments, status=1):
    with pytest.raises(SystemExit) as stop:
        task.main(arguments)
    assert stop.value.code == status
    return capsys.readouterr().err


def test_training_says_what_it_reads_and_how_good_it_is(trained):
    words = trained.said.split()
    assert words[words.index("steps_per_epoch") + 1] == "19"
    assert "positive_dir: 1, negative_dir: 10\n" in trained.said  # weights
    assert words[words.index("rows") + 1] == "1,500"
    assert {"auc", "f1", "mean_prediction", "model:"} <= set(words)


@pytest.mark.once
def test_a_training_of_few_steps_predicts_the_base_rate_on_the_whole(data, tmp_path):
    """What is learned of a rare class in 19 steps, where it is not known from the start."""
    ratios = {}
    for start in ("prior", "zero"):
        job = Job(data, tmp_path / start)
        flags = f"--initial_output={start}", "--num_epochs=1", "--learning_rate=0.002"
        task.main(job.flags("train", *flags))
        measured = job.json("evaluation.json")
        ratios[start] = measured["mean_prediction"] / measured["base_rate"]
    assert ratios["prior"] == pytest.approx(1, abs=0.3) and ratios["zero"] > 2


def test_parameters_are_kept(trained):
    parameters = trained.json("parameters.json")
    flags = parameters["flags"]
    assert (flags["num_epochs"], flags["hidden_units"], flags["weight"]) == (6, [16], "auto")
    assert (flags["optimizer"], flags["forward"]) == ("adam", ["member", "code"])
    assert [field["name"] for field in parameters["schema"]] == list(TYPES)
    scales = parameters["scales"]
    assert set(scales) == {"spend", "visits", "vip"}
    assert scales["spend"]["log"] is True
    # of the files as they are, where one in eleven bought, not of the sample, where half did
    parts = [*trained.folder.glob("*ative-*.csv"), trained.folder / "positive.csv"]
    spend = np.log1p(pd.concat(map(pd.read_csv, parts))["spend"])
    assert scales["spend"]["mean"] == pytest.approx(spend.mean(), abs=0.05)


def test_evaluation_is_what_the_predictions_say(trained):
    evaluation, predicted = trained.json("evaluation.json"), trained.predictions()
    label = trained.tested()["bought"].to_numpy()
    probability = predicted["probability"].to_numpy()
    positive = label == 1
    true = np.sum(predicted["class"] * label)
    precision, recall = true / predicted["class"].sum(), true / label.sum()
    ranks = stats.mannwhitneyu(probability[positive], probability[~positive]).statistic
    log_loss = -np.log(np.where(positive, probability, 1 - probability)).mean()
    expected = {
        "step": 6 * 19,
        "rows": TESTED,
        "accuracy": np.mean(predicted["class"] == label),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "auc": ranks / positive.sum() / (~positive).sum(),
        "log_loss": log_loss,
        "mean_prediction": probability.mean(),
        "base_rate": label.mean(),
    }
    assert {name: evaluation[name] for name in expected} == pytest.approx(expected, abs=2e-4)
    assert evaluation["auc"] > 0.85
    assert 0.5 < evaluation["auc_pr"] < 1
    assert evaluation["mean_prediction"] == pytest.approx(evaluation["base_rate"], rel=0.2)


def test_predictions_have_the_keys_in_the_order_of_the_files(trained):
    predicted, tested = trained.predictions(), trained.tested()
    assert list(predicted) == ["member", "code", "probability", "class"]
    assert predicted["member"].tolist() == tested["member"].tolist()
    assert predicted["code"].tolist() == tested["code"].tolist()
    assert set(predicted["class"]) == {0, 1}
    assert (predicted["class"] == (predicted["probability"] >= 0.5)).all()


def test_evaluating_takes_the_flags_of_the_training(trained, capsys):
    before = trained.json("evaluation.json")
    task.main(trained.short("evaluate"))
    output = capsys.readouterr()
    assert trained.json("evaluation.json") == before
    assert f"auc              {before['auc']:.4g}\n" in output.out
    assert output.err.startswith("evaluating  100% 2/2 ")


@pytest.mark.once
def test_files_without_labels_are_predicted_the_same(trained, tmp_path):
    expected = trained.predictions()
    trained.tested().drop(columns="bought").to_csv(tmp_path / "new.csv", index=False)
    task.main(trained.short("predict", f"--test_dir={tmp_path}/new.csv", "--threshold=0.1"))
    found = trained.predictions()
    np.testing.assert_allclose(found["probability"], expected["probability"], rtol=1e-5)
    assert (found["class"] == (found["probability"] >= 0.1)).all()
    task.main(trained.short("predict"))


def test_the_exported_model_says_what_predict_says(trained):
    (export,) = (trained.job_dir / "export").iterdir()
    ask = tf.saved_model.load(str(export)).signatures["csv:predict"]
    lines = trained.tested().drop(columns="bought").to_csv(index=False).splitlines()[1:]
    answer = ask(csv_rows=tf.constant(lines))
    predicted = trained.predictions()
    np.testing.assert_allclose(answer["logistic"][:, 0], predicted["probability"], rtol=1e-5)
    assert answer["member_"].numpy().tolist() == predicted["member"].tolist()
    assert answer["code_"][1].numpy().decode() == predicted["code"][1]


def test_summaries_are_there(trained):
    assert list(trained.job_dir.glob("events.out.tfevents.*"))
    assert list(trained.job_dir.glob("eval/events.out.tfevents.*"))


def variables(job_dir):
    """All of the last checkpoint, by name."""
    checkpoint = tf.train.latest_checkpoint(str(job_dir))
    return {
        name: tf.train.load_variable(checkpoint, name)
        for name, _ in tf.train.list_variables(checkpoint)
    }


@pytest.fixture(scope="module")
def stopped(data, tmp_path_factory):
    """A job as it was when step 90 of 114 was saved, in an epoch's midst, and the job as it ended.

    What a kill leaves behind is there, too: parts of a checkpoint to come, and its state.
    """
    whole = Job(data, tmp_path_factory.mktemp("whole"))
    task.main(whole.flags("train", "--checkpoint_steps=30"))
    job_dir = tmp_path_factory.mktemp("stopped") / "job"
    shutil.copytree(whole.job_dir, job_dir)
    text = (job_dir / "checkpoint").read_text()
    first = re.sub(r"^model_checkpoint_path.*", 'model_checkpoint_path: "model.ckpt-90"', text)
    kept = [line for line in first.splitlines() if not re.search(r'-(1\d\d)"', line)]
    (job_dir / "checkpoint").write_text("\n".join(kept))
    (job_dir / "model.ckpt-114.index").unlink()
    (job_dir / "evaluation.json").unlink()
    shutil.rmtree(job_dir / "export")
    return Job(data, job_dir), whole


@pytest.fixture
def stopped_job(stopped, tmp_path):
    shutil.copytree(stopped[0].job_dir, tmp_path / "job")
    return Job(stopped[0].folder, tmp_path / "job")


@pytest.mark.once
def test_a_stopped_training_goes_on_to_the_same_model(stopped, stopped_job, capsys):
    task.main(stopped_job.short("train"))
    assert "going on from step 90 of 114" in capsys.readouterr().err
    assert stopped_job.json("evaluation.json") == stopped[1].json("evaluation.json")
    ours, theirs = variables(stopped_job.job_dir), variables(stopped[1].job_dir)
    assert ours.keys() == theirs.keys() and len(ours) > 10
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name], value, err_msg=name)
    assert len(list((stopped_job.job_dir / "export").iterdir())) == 1


@pytest.mark.once
def test_a_finished_training_is_evaluated_and_exported_once_more(stopped, tmp_path, capsys):
    """It may have been stopped just before that."""
    shutil.copytree(stopped[1].job_dir, tmp_path / "job")
    job = Job(stopped[1].folder, tmp_path / "job")
    (job.job_dir / "evaluation.json").unlink()
    task.main(job.flags("train"))
    assert "114 steps, the end of --num_epochs=6; evaluating and" in capsys.readouterr().err
    assert job.json("evaluation.json") == stopped[1].json("evaluation.json")
    assert len(list((job.job_dir / "export").iterdir())) == 2


@pytest.mark.once
def test_training_from_the_beginning_sets_the_old_model_aside(stopped, stopped_job, capsys):
    job = stopped_job
    (job.job_dir / "notes.txt").write_text("mine")
    task.main(job.flags("train", "--restart", "--num_epochs=1", "--model=linear"))
    said = capsys.readouterr().err
    assert f"what was there: {job.job_dir}/replaced-1" in said and "going on" not in said
    assert job.json("evaluation.json")["step"] == 19
    assert "restart" not in job.json("parameters.json")["flags"]
    assert (job.job_dir / "notes.txt").exists()
    old = Job(job.folder, job.job_dir / "replaced-1")
    task.main(old.short("evaluate"))
    assert old.json("evaluation.json")["step"] == 90
    assert restart.set_aside(str(job.job_dir)) == f"{job.job_dir}/replaced-2"
    assert restart.set_aside(str(job.job_dir)) is None


@pytest.mark.once
@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--seed=4"], ["seed = 3, this input function has 4", "by --restart"]),
        (
            ["--multiplier=2"],
            ["with 1 of negative_dir', this", "with 2 of negative_dir"],
        ),
        (["--negative_dir={data}/negative-0.csv"], ["files = '3 with ", "has '2 with "]),
    ],
)
def test_going_on_with_another_input_is_refused(stopped, data, flags, words, capsys):
    given = [flag.format(data=data) for flag in flags]
    error = refused(capsys, stopped[0].short("train", *given))
    assert all(word in error for word in words), error


@pytest.mark.once
def test_going_on_without_a_state_is_refused(stopped_job, capsys):
    (stopped_job.job_dir / "input-state-90.json").unlink()
    error = refused(capsys, stopped_job.short("train"))
    assert "no state of the input" in error and "by --restart" in error


@pytest.mark.once
@pytest.mark.parametrize("mode", ["evaluate", "predict"])
def test_only_a_training_starts_from_the_beginning(stopped, mode, capsys):
    assert "--restart goes with --mode=train" in refused(
        capsys, stopped[0].short(mode, "--restart")
    )


def test_a_checkpoint_is_of_one_model(trained, capsys, tmp_path):
    error = refused(capsys, trained.flags("train", "--num_epochs=8", "--hidden_units=8"))
    assert "--hidden_units is 8" in error and "trained with 16" in error
    other = tmp_path / "schema.json"
    other.write_text(Schema.from_dict({**TYPES, "age": int}).to_json())
    error = refused(capsys, trained.short("evaluate", f"--schema={other}"))
    assert "other columns" in error


@pytest.mark.once
def test_linear_model_trains_is_continued_and_is_reproducible(data, tmp_path, capsys):
    evaluations = []
    for name in ("one", "two"):
        job = Job(data, tmp_path / name)
        task.main(job.flags("train", "--model=linear", "--num_epochs=2"))
        evaluations.append(job.json("evaluation.json"))
    assert evaluations[0] == evaluations[1]
    assert evaluations[0]["auc"] > 0.8
    scales = job.json("parameters.json")["scales"]
    capsys.readouterr()
    task.main(job.short("train", "--num_epochs=3"))
    assert "going on from step 38 of 57" in capsys.readouterr().err
    assert job.json("evaluation.json")["step"] == 57
    assert job.json("parameters.json")["flags"]["num_epochs"] == 3
    assert job.json("parameters.json")["scales"] == scales


@pytest.mark.once
def test_all_that_shapes_a_dnn(data, tmp_path):
    job = Job(data, tmp_path / "job")
    options = ["--batch_norm", "--dropout=0.2", "--optimizer=adagrad"]
    options += ["--multiplier=2.5", "--weight=4", "--normalize_weights", "--hash_buckets=5"]
    options += ["--weight_column=visits", "--pool_rows=200", "--epoch=natural"]
    options += ["--positive_weight=2", "--file_format=csv"]
    task.main(job.flags("train", "--num_epochs=1", *options))
    evaluation, tested = job.json("evaluation.json"), job.tested()
    assert evaluation["step"] == (POSITIVES + NEGATIVES) // 32 + 1
    base_rate = np.average(tested["bought"], weights=tested["visits"])
    assert evaluation["base_rate"] == pytest.approx(base_rate, rel=1e-4)
    tested.drop(columns=["bought", "visits"]).to_csv(tmp_path / "new.pq", index=False)
    task.main(job.short("predict", f"--test_dir={tmp_path}/new.pq"))
    assert job.predictions()["member"].tolist() == tested["member"].tolist()


@pytest.mark.once
def test_a_bad_value_is_one_sentence(trained, tmp_path, capsys):
    lines = (trained.folder / "positive.csv").read_text().splitlines()
    fields = lines[6].split(",")
    lines[6] = ",".join([*fields[:2], "much", *fields[3:]])
    (tmp_path / "bad.csv").write_text("\n".join(lines))
    new = Job(trained.folder, tmp_path / "job")
    for flags in (
        new.flags("train", f"--positive_dir={tmp_path}/bad.csv"),
        trained.short("evaluate", f"--test_dir={tmp_path}/bad.csv"),
        trained.short("predict", f"--test_dir={tmp_path}/bad.csv"),
    ):
        error = refused(capsys, flags)
        assert f"{tmp_path}/bad.csv, line 7, column 'spend': found 'much'" in error
        assert "Traceback" not in error


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--multiplier=0", ["--multiplier", "'0'", "above 0"]),
        ("--multiplier=nan", ["--multiplier", "'nan'", "above 0"]),
        ("--multiplier=inf", ["--multiplier", "'inf'", "above 0"]),
        ("--multiplier=some", ["--multiplier", "'some'", "'natural'"]),
        ("--epoch=long", ["--epoch", "long", "majority"]),
        ("--positive_weight=0", ["--positive_weight", "'0'", "'balanced'"]),
        ("--file_format=xml", ["--file_format", "xml", "tfrecord.gz"]),
        ("--weight=-1", ["--weight", "'-1'", "above 0", "'auto'"]),
        ("--weight=much", ["--weight", "'much'"]),
        ("--num_epochs=0", ["--num_epochs", "'0'", "at least 1"]),
        ("--batch_size=1.5", ["--batch_size", "'1.5'", "whole number"]),
        ("--dropout=1", ["--dropout", "'1'", "below 1"]),
        ("--hidden_units=64,,3", ["--hidden_units", "''", "whole number"]),
        ("--threshold=0", ["--threshold", "'0'", "above 0 and below 1"]),
        ("--delimiter=::", ["--delimiter", "'::'", "one ASCII character"]),
        ("--optimizer=lbfgs", ["--optimizer", "lbfgs", "adagrad"]),
        ("--model=tree", ["--model", "tree", "linear"]),
        ("--seed=x", ["--seed", "'x'"]),
        ("--nonsense=1", ["unknown flag --nonsense;"]),
        ("--batch=1", ["unknown flag --batch, did you mean --batch_size?"]),
    ],
)
def test_flags_are_checked_as_they_are_parsed(flag, words, capsys):
    error = refused(capsys, ["propensity", "--mode=train", "--job-dir=x", flag], status=2)
    assert all(word in error for word in words), error


def test_formats_are_those_that_input_functions_read():
    assert FORMATS == registry.FORMATS


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--job_dir=x"], "--mode is missing"),
        (["--mode=train"], "--job-dir is missing"),
        (
            ["--mode=train", "--job_dir={}"],
            "--schema, --label, --positive_dir, --negative_dir and --test_dir are missing, which",
        ),
        (["--mode=evaluate", "--job_dir={}"], "found no trained model in"),
    ],
)
def test_missing_flags_are_named(arguments, words, tmp_path, capsys):
    arguments = [argument.format(tmp_path / "none") for argument in arguments]
    assert words in refused(capsys, ["propensity", *arguments])


def test_test_files_need_labels_before_training_begins(trained, tmp_path, capsys):
    trained.tested().drop(columns="bought").to_csv(tmp_path / "new.csv", index=False)
    new = Job(trained.folder, tmp_path / "job")
    assert "no label" in refused(capsys, new.flags("train", f"--test_dir={tmp_path}/new.csv"))
    assert not new.job_dir.exists()


def test_without_columns_there_is_nothing_to_learn_from():
    with pytest.raises(ValueError, match="no feature is left"):
        columns.learned(Schema.from_dict({"y": int}, label="y"))


def test_variables_are_called_as_columns_or_nearly_so():
    names = ["age", "a.b/c-1", "a b", "_age", "âge", "Jitter(%)", ".>5Fage", "a>20b"]
    plain = [columns.scoped(name) for name in names]
    assert plain[:5] == ["age", "a.b/c-1", ".a>20b", ".>5Fage", ".>C3>A2ge"]
    assert len(set(plain)) == len(names)
    with tf.Graph().as_default():
        for name in plain:
            with tf.name_scope(name):
                pass


def test_a_forwarded_column_must_not_be_called_like_a_prediction(data, tmp_path, capsys):
    flags = Job(data, tmp_path).flags("train", "--forward=probability")
    assert "--forward names 'probability'" in refused(capsys, flags)


def test_help_gives_every_flag_in_a_sentence(capsys):
    with pytest.raises(SystemExit):
        task.main(["propensity", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--batch_size SIZE rows of a training batch (default: 128)" in text
    assert "--job_dir DIR directory of a training" in text


class Stream:
    """Batches as `columns.measure` asks an input function for them."""

    def __init__(self, schema, features, weights):
        self.schema, self.features, self.weights = schema, features, weights

    def batches(self, names, input_context):
        for start in range(0, len(self.weights), 2):
            some = slice(start, start + 2)
            features = {name: self.features[name][some] for name in names}
            yield features, np.zeros(len(self.weights[some]), np.int64), self.weights[some]


def test_scales_are_weighted_and_robust():
    schema = Schema.from_dict({"a": float, "b": int, "c": float, "d": str})
    values = {"a": [0.0, 3.0, 0.0, 99.0], "b": [-1, 1, 3, 99], "c": [0.1, 0.1, 0.1, 99]}
    features = {name: np.array(column) for name, column in values.items()}
    stream = Stream(schema, features, np.array([1, 3, 1, 1], np.float32))
    scales = columns.measure(stream, rows=3)  # whole batches: all four rows
    log = np.log1p(features["a"])
    mean = np.average(log, weights=stream.weights)
    std = np.average((log - mean) ** 2, weights=stream.weights) ** 0.5
    assert scales["a"] == pytest.approx((True, mean, std))
    scales = columns.measure(stream, rows=2)
    assert scales["b"] == pytest.approx((False, 0.5, 0.75**0.5))
    assert scales["c"] == pytest.approx((True, np.log1p(0.1), 1))  # a constant
    assert set(scales) == {"a", "b", "c"}


def evaluated(logits, labels, folder):
    """What is measured of these predictions, in batches."""

    def input_fn():
        features = {"logit": logits, "weight": np.ones(len(logits), np.float32)}
        rows = features, labels.astype(np.int64)
        return tf.data.Dataset.from_tensor_slices(rows).batch(900)

    def model_fn(features, labels, mode):
        logit = features["logit"][:, tf.newaxis]
        predictions = {"logits": logit, "logistic": tf.sigmoid(logit)}
        step = tf.compat.v1.train.get_or_create_global_step()
        return tf.estimator.EstimatorSpec(mode, predictions, tf.constant(0.0), step.assign_add(1))

    estimator = metrics.add_metrics(tf.estimator.Estimator(model_fn, str(folder)), 0.5)
    estimator.train(input_fn, steps=1)
    return estimator.evaluate(input_fn)


def test_curves_are_exact_for_a_rare_class(tmp_path):
    """All probabilities are below 0.001, where a canned classifier has no threshold."""
    rng = np.random.default_rng(0)
    labels = rng.random(4000) < 0.1
    logits = rng.normal(-10 + labels, 1).astype(np.float32)
    found = evaluated(logits, labels, tmp_path)
    ranks = stats.mannwhitneyu(logits[labels], logits[~labels]).statistic
    assert found["auc"] == pytest.approx(ranks / labels.sum() / (~labels).sum(), abs=2e-4)
    expected = average_precision_score(labels, logits)
    assert found["auc_precision_recall"] == pytest.approx(expected, abs=2e-3)
    assert (found["rows"], found["f1"], found["recall"]) == (4000, 0, 0)


def test_a_prediction_that_is_no_number_ranks_below_all_others(tmp_path):
    logits = np.array([0.1, np.nan, -1, 2], np.float32)
    found = evaluated(logits, np.array([0, 1, 0, 1]), tmp_path)
    assert found["auc"] == 0.5 and np.isnan(found["average_loss"])


def told(on_terminal):
    stream = io.StringIO()
    stream.isatty = lambda: on_terminal
    hook = hooks.StepProgress("training", 40, stream)
    with tf.Graph().as_default():
        step = tf.compat.v1.train.create_global_step()
        count = step.assign_add(1)
        tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.LOSSES, tf.constant(0.25))
        with tf.compat.v1.train.SingularMonitoredSession([hook]) as session:
            for _ in range(40):
                session.run(count)
    return stream.getvalue()


def test_progress_on_a_terminal_is_one_line():
    text = told(on_terminal=True)
    assert text.count("\n") == 1
    last = text.rstrip().rpartition("\r")[2]
    assert last.startswith("training    100% |") and " 40/40 " in last
    assert "steps/s" in last and "loss 0.2500" in last


def test_progress_elsewhere_is_a_line_at_a_time(monkeypatch):
    monkeypatch.setattr(progress, "_LINES_SECS", 0.0)
    lines = told(on_terminal=False).splitlines()
    assert len(lines) == 40 and not any("\r" in line for line in lines)
    assert lines[18].startswith("training     50% 20/40 ") and "loss 0.2500" in lines[18]


def test_progress_of_a_short_job_elsewhere_is_its_last_line():
    (line,) = told(on_terminal=False).splitlines()
    assert line.startswith("training    100% 40/40 ")


def test_json_lines_are_plain():
    batch = {
        "id": np.array(["ü".encode(), b"b"], object),
        "key": np.array([b"\xff\x00", b"\xfe"], object),
        "x": np.array([0.1, np.nan], np.float32),
        "list": np.array([[1.5, np.nan], [0.1, 2]], np.float32),
        "texts": np.array([[b"a", b"b"], [b"", b"c"]], object),
        "n": np.array([1, 2]),
    }
    lines = list(json_lines.encode(batch, binary=["key"], nullable=["x", "list"]))
    assert lines == [
        '{"id": "ü", "key": "/wA=", "x": 0.1, "list": [1.5, null], "texts": ["a", "b"], "n": 1}',
        '{"id": "b", "key": "/g==", "x": null, "list": [0.1, 2.0], "texts": ["", "c"], "n": 2}',
    ]


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("id", np.array([b"a", b"\xff"], object), r"row 8 has the id b'\\xff', .* as BYTES"),
        ("id", np.array([[b"a"], [b"\xff"]], object), "row 8 has the id"),
        ("probability", np.array([0.5, np.nan], np.float32), "row 8 has the probability nan"),
        ("x", np.array([np.inf, 1], np.float32), "row 7 has the x inf, expected a finite number"),
        ("x", np.array([[1, 2], [1, -np.inf]]), "row 8 has the x -inf"),
    ],
)
def test_what_json_can_not_hold_is_refused(name, values, words):
    with pytest.raises(SamplingError, match=words):
        list(json_lines.encode({name: values}, nullable=["x"], first=7))


@pytest.mark.parametrize("value", [5, {}, {"a": [1.5, None], "b": {"c": "ü"}}])
def test_json_files_come_back(value, tmp_path):
    contents.write_json(str(tmp_path), "x.json", {"value": value, "auc": float("nan")})
    assert contents.read_json(str(tmp_path), "x.json") == {"value": value, "auc": None}


@pytest.mark.once
def test_predicting_that_was_killed_goes_on(trained, tmp_path):
    """Another process, which ends as one that is killed does, while it writes the third part."""
    job = Job(trained.folder, tmp_path / "job")
    shutil.copytree(trained.job_dir, job.job_dir)
    (job.job_dir / "predictions.jsonl").unlink()
    killed = f"""
import os
from trainer.job_dir import predictions
from trainer.job_dir import contents
from trainer import task
predictions.PART_ROWS, write = 500, contents.write_lines
def write_lines(directory, name, lines):
    if name == "00002.jsonl": os._exit(9)
    return write(directory, name, lines)
contents.write_lines = write_lines
from trainer.propensity import inputs
inputs.TEST_BATCH = 100
task.main({job.short("predict")!r})
"""
    done = subprocess.run([sys.executable, "-c", killed], capture_output=True, check=False)
    assert done.returncode == 9, done.stderr
    assert not (job.job_dir / "predictions.jsonl").exists()
    command = [sys.executable, "-m", "trainer.task", *job.short("predict")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "going on after row 1,000 of 1,500" in done.stderr
    assert "1,500 predictions" in done.stdout
    pd.testing.assert_frame_equal(job.predictions(), trained.predictions())


@pytest.mark.once
def test_an_export_predicts_the_same_over_files(trained, tmp_path):
    job = Job(trained.folder, tmp_path / "job")
    shutil.copytree(trained.job_dir, job.job_dir)
    (exported,) = (trained.job_dir / "export").iterdir()
    (job.job_dir / "predictions.jsonl").unlink()
    task.main(job.short("predict", f"--export_dir={exported}"))
    found, expected = job.predictions(), trained.predictions()
    np.testing.assert_allclose(found.pop("probability"), expected.pop("probability"), rtol=1e-5)
    pd.testing.assert_frame_equal(found, expected)


def test_an_export_directory_that_is_not_a_model(trained, tmp_path, capsys):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/saved_model.pb").write_bytes(b"no model")
    other = tf.Module()
    other.double = tf.function(lambda x: 2 * x, [tf.TensorSpec([None])])
    tf.saved_model.save(other, str(tmp_path / "other"), signatures={"predict": other.double})
    tf.saved_model.save(tf.Module(), str(tmp_path / "empty"))
    whole = tf.Module()
    whole.double = tf.function(lambda spend: 2 * spend, [tf.TensorSpec([None], tf.int64)])
    tf.saved_model.save(whole, str(tmp_path / "whole"), signatures={"predict": whole.double})
    for folder, words in (
        (tmp_path / "nowhere", "holds no SavedModel, expected the directory of an export"),
        (trained.job_dir / "export", "holds no SavedModel"),
        (tmp_path / "broken", "can't be loaded"),
        (tmp_path / "empty", "has the signatures none, expected 'predict' among them"),
        (tmp_path / "other", "asks for x, which the files lack"),
        (tmp_path / "whole", "asks for spend as int64, and by the schema it is float32"),
    ):
        error = refused(capsys, trained.short("predict", f"--export_dir={folder}"))
        assert words in error and str(folder) in error
        assert [line for line in error.splitlines() if line.startswith("tf-sampling: error: ")]
    error = refused(capsys, trained.short("evaluate", f"--export_dir={tmp_path}"))
    assert "--export_dir goes with --mode=predict" in error


ASKED = {  # the row, and its features as a client without files has them
    "all values": ("1,ü1,20.5,2,true,Rome,2020-01-05", (1, "ü1", 20.5, 2, 1, "Rome", "2020-01-05")),
    "blanks": ("2,,,,,,", (2, "", math.nan, 0, 0, "", "")),
    "quotes": ('3,"a, ""b""",7,0,false,"",', (3, 'a, "b"', 7, 0, 0, "", "")),
    "unknown": (
        "4,x,1e3,9,true,Atlantis,2031-01-01",
        (4, "x", 1e3, 9, 1, "Atlantis", "2031-01-01"),
    ),
}


@pytest.mark.once
def test_every_way_of_asking_gives_the_answers_of_predict(trained, tmp_path):
    """What is missing is blank in text, NaN or "" in messages, and not there in an Example."""
    header = ",".join(name for name in TYPES if name != "bought")
    (tmp_path / "new.csv").write_text("\n".join([header, *(row for row, _ in ASKED.values()), ""]))
    frame = pd.read_csv(tmp_path / "new.csv", dtype={"visits": "Int64", "vip": "boolean"})
    examples = frame.astype({"vip": "Int64"}).astype(object)
    written.write_examples(
        [{n: v for n, v in row.items() if not pd.isna(v)} for row in examples.to_dict("records")],
        tmp_path / "new.tfrecord",
    )
    found = {}
    for ending in ("csv", "tfrecord"):
        output = tmp_path / f"{ending}.jsonl"
        task.main(
            trained.short("predict", f"--test_dir={tmp_path}/new.{ending}", f"--output={output}")
        )
        lines = map(json.loads, output.read_text().splitlines())
        found[ending] = [line["probability"] for line in lines]
    (export,) = (trained.job_dir / "export").iterdir()
    columns = zip(*(features for _, features in ASKED.values()), strict=True)
    tensors = dict(zip(header.split(","), map(np.array, columns), strict=True))
    tensors["spend"] = tensors["spend"].astype(np.float32)
    rows = {"csv_rows": np.array([row for row, _ in ASKED.values()])}
    for signature, inputs in (("csv:predict", rows), ("predict", tensors)):
        for way, outputs in servicer.answers(str(export), signature, inputs).items():
            found[f"{way}, {signature}"] = np.ravel(outputs["logistic"])
    assert len(found) == 8 and len(set(found["csv"])) == len(ASKED)
    for way, answers in found.items():
        np.testing.assert_allclose(answers, found["csv"], rtol=1e-5, err_msg=way)
