"""A training on a sample without weights: corrected outputs, and a report of every evaluation."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from sampling.__main__ import main
from sampling.report import folder
from tests.test_trainer import NEGATIVES, POSITIVES, Job, refused
from tests.test_trainer import data as data  # a fixture
from trainer import task

OFFSET = np.log(POSITIVES / NEGATIVES)
PICTURES = ["reliability", "roc", "precision_recall", "lift", "scores", "segments", "sampling"]
PICTURES += ["importance"]


@pytest.fixture(scope="module")
def sampled(data, tmp_path_factory):
    job = Job(data, tmp_path_factory.mktemp("sampled"))
    options = ["--weight=1", "--report", "--segment=city", "--cost_false_negative=9"]
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        task.main(job.flags("train", *options))
    job.said = "\n".join(said)
    task.main(job.short("predict"))
    return job


def test_it_says_what_the_outputs_are(sampled):
    outputs = "corrected, from a prior of 0.5 in training to the files' 0.09091"
    assert outputs in sampled.said and "report.html" in sampled.said
    assert sampled.json("parameters.json")["prior"]["stream"] == [0.5, 0.5]


def test_an_evaluation_tells_corrected_from_uncorrected(sampled):
    found, p = sampled.json("evaluation.json"), sampled.predictions()["probability"].to_numpy()
    label = sampled.tested()["bought"].to_numpy()
    learned = 1 / (1 + (1 - p) / p * np.exp(OFFSET))
    assert found["corrected"] is True and found["threshold"] == pytest.approx(0.1)
    expected = {
        "mean_prediction": p.mean(),
        "log_loss": -np.log(np.where(label, p, 1 - p)).mean(),
        "brier": ((p - label) ** 2).mean(),
        "uncorrected_mean_prediction": learned.mean(),
        "uncorrected_log_loss": -np.log(np.where(label, learned, 1 - learned)).mean(),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-3)
    assert found["mean_prediction"] == pytest.approx(found["base_rate"], rel=0.25)
    assert found["uncorrected_mean_prediction"] > 2.5 * found["base_rate"]
    assert found["ece"] < 0.05
    assert (sampled.predictions()["class"] == (p >= 0.1)).all()


def test_the_export_has_the_correction_in_its_signature(sampled):
    (export,) = (sampled.job_dir / "export").iterdir()
    ask = tf.saved_model.load(str(export)).signatures["csv:predict"]
    lines = sampled.tested().drop(columns="bought").to_csv(index=False).splitlines()[1:]
    answer = ask(csv_rows=tf.constant(lines))
    np.testing.assert_allclose(answer["prior_correction"][:, 0], OFFSET, rtol=1e-5)
    p = sampled.predictions()["probability"]
    np.testing.assert_allclose(answer["logistic"][:, 0], p, rtol=1e-5)


def test_the_report_is_there_and_in_tensorboard(sampled):
    page = (sampled.job_dir / "report/report.html").read_text()
    assert "Calibration by city" in page and "Rome" in page
    assert "corrected to the files&#39; 0.09091" in page
    wrong = page.partition("<h2>Surest, and wrong</h2>")[2].partition("</section>")[0]
    p, label = sampled.predictions()["probability"], sampled.tested()["bought"].to_numpy()
    surest = sampled.predictions()["member"][p.where(label == 0, -1).idxmax()]
    assert f"<td>{surest}</td>" in wrong
    rises = sampled.json("importance.json")["log_loss_rises"]
    assert min(rises["spend"][0], rises["visits"][0]) > 5 * rises["vip"][0]
    (events,) = sampled.job_dir.glob("eval/events.out.tfevents.*")
    found = {
        value.tag: value
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    for name in PICTURES:
        png = (sampled.job_dir / f"report/{name}.png").read_bytes()
        assert found[f"report/{name}"].image.encoded_image_string == png
    ece = sampled.json("evaluation.json")["ece"]
    assert found["calibration/ece"].simple_value == pytest.approx(ece)


def test_the_report_tells_how_the_training_sampled(sampled):
    usage = sampled.json("sampling.json")
    used = usage["rows_used"]["positive_dir"], usage["rows_used"]["negative_dir"]
    assert used == (6 * POSITIVES, 6 * POSITIVES)
    assert usage["rows"] == sum(used) == usage["effective_rows"]
    assert usage["coverage"] == {"positive_dir": 1.0, "negative_dir": 6 * POSITIVES / NEGATIVES}
    assert usage["rows_in_files"] == {"positive_dir": POSITIVES, "negative_dir": NEGATIVES}
    assert usage["bytes_read"] == usage["bytes_in_files"]  # classes of one round are read once
    assert usage["rows_per_second"] > 0
    page = (sampled.job_dir / "report/report.html").read_text()
    assert "60 %" in page and "rows a second" in page


def test_the_command_line_takes_what_the_trainer_wrote(sampled, tmp_path, capsys):
    labels = f"--labels={sampled.folder}/test-*.csv"
    files = str(sampled.job_dir / "predictions.jsonl"), labels, "--label=bought"
    main(["report", *files, f"--job-dir={sampled.job_dir}", f"--output={tmp_path}"])
    assert capsys.readouterr().out == f"{tmp_path}/report.html\n"
    assert "corrected to the files&#39; 0.09091" in (tmp_path / "report.html").read_text()


def test_uncorrected_on_request(sampled):
    before = sampled.json("evaluation.json")
    task.main(sampled.short("evaluate", "--correct=no", "--no-report"))
    found = sampled.json("evaluation.json")
    task.main(sampled.short("evaluate", "--no-report"))
    assert found["corrected"] is False and "uncorrected_log_loss" not in found
    for name in ("mean_prediction", "log_loss"):
        assert found[name] == pytest.approx(before[f"uncorrected_{name}"], rel=1e-4)
    assert found["auc"] == pytest.approx(before["auc"], abs=1e-4)


def test_an_evaluation_goes_on_where_no_report_can_be_made(sampled, tmp_path, capsys, monkeypatch):
    lines = (sampled.folder / "negative-0.csv").read_text()
    (tmp_path / "negatives.csv").write_text(lines)
    task.main(sampled.short("evaluate", f"--test_dir={tmp_path}/negatives.csv"))
    assert "no report: there is no positive among the 1,500 labels" in capsys.readouterr().err

    def missing():
        raise ImportError("there is no matplotlib; install tf-sampling[report]")

    monkeypatch.setattr(folder, "require", missing)
    task.main(sampled.short("evaluate"))
    error = capsys.readouterr().err
    assert error.startswith("no report: there is no matplotlib; install tf-sampling[report]\n")


def test_an_unknown_segment_is_refused_before_training(data, tmp_path, capsys):
    job = Job(data, tmp_path / "job")
    for name in ("nope", "bought"):
        error = refused(capsys, job.flags("train", f"--segment={name}"))
        assert f"--segment is '{name}', expected a feature (member, code, spend" in error
    assert not job.job_dir.exists()
