"""The main job on the embedded data: what sampling must not change, measured by known truth."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from examples.acquire_valued_shoppers import make_data
from trainer import task

SCHEMA = make_data.Path(make_data.__file__).with_name("schema.json")
MODELS = {
    # A thousand negatives for each positive: all there are.
    "everything": ["--multiplier=1000", "--weight=auto", "--num_epochs=1", "--batch_size=512"],
    "upweighted": ["--multiplier=1", "--weight=auto", "--num_epochs=5"],
    "weight 1": ["--multiplier=1", "--weight=1", "--num_epochs=5", "--correct=no"],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """model -> (evaluation on the test files, predicted probabilities, true probabilities)."""
    folder = tmp_path_factory.mktemp("shoppers")
    data = folder / "data"
    make_data.main(["--output", str(data), "--rows=150000", "--seed=0"])
    truth = pd.concat(map(pd.read_csv, sorted(data.glob("truth/test/*.csv"))))
    found = {name: (*trained(folder, data, name), truth) for name in MODELS}
    found["corrected"] = *corrected(folder / "weight 1"), truth
    return found


def trained(folder, data, name):
    job_dir = folder / name
    flags = {
        "job-dir": job_dir,
        "schema": SCHEMA,
        "label": "label",
        "forward": "customer_id",
        "positive_dir": data / "train/positive/*.csv",
        "negative_dir": data / "train/negative/*.csv",
        "test_dir": data / "test/*.csv",
    }
    given = [f"--{flag}={value}" for flag, value in flags.items()]
    task.main(["propensity", "--mode=train", "--model=dnn", "--no-report", *given, *MODELS[name]])
    return predicted(job_dir)


def corrected(job_dir):
    """The same model, asked for corrected outputs."""
    task.main(["propensity", "--mode=evaluate", f"--job-dir={job_dir}", "--correct=auto"])
    return predicted(job_dir, "--correct=auto")


def predicted(job_dir, *flags):
    task.main(["propensity", "--mode=predict", f"--job-dir={job_dir}", *flags])
    predictions = pd.read_json(job_dir / "predictions.jsonl", lines=True)
    return json.loads((job_dir / "evaluation.json").read_text()), predictions


@pytest.mark.filterwarnings("ignore:there are .* negatives:UserWarning")
def test_downsampled_and_upweighted_is_as_good_as_everything(results):
    auc = {name: evaluation["auc"] for name, (evaluation, *_) in results.items()}
    assert auc["everything"] > 0.8
    assert abs(auc["upweighted"] - auc["everything"]) < 0.01


@pytest.mark.filterwarnings("ignore:there are .* negatives:UserWarning")
def test_upweighted_outputs_are_probabilities_and_unweighted_ones_are_not(results):
    ratio = {
        name: predictions["probability"].mean() / truth["probability"].mean()
        for name, (_, predictions, truth) in results.items()
    }
    assert ratio["everything"] == pytest.approx(1, abs=0.05)
    assert ratio["upweighted"] == pytest.approx(1, abs=0.05)
    assert ratio["corrected"] == pytest.approx(1, abs=0.05)
    assert ratio["weight 1"] > 5


@pytest.mark.filterwarnings("ignore:there are .* negatives:UserWarning")
def test_a_correction_mends_what_is_wrong_and_nothing_else(results):
    measured = {name: evaluation for name, (evaluation, *_) in results.items()}
    assert measured["corrected"]["auc"] == pytest.approx(measured["weight 1"]["auc"], abs=1e-4)
    loss = {name: evaluation["log_loss"] for name, evaluation in measured.items()}
    assert loss["corrected"] == pytest.approx(loss["everything"], rel=0.03)
    assert loss["upweighted"] == pytest.approx(loss["everything"], rel=0.03)
    assert loss["weight 1"] > 3 * loss["everything"]


def test_predictions_are_in_the_order_of_the_files(results):
    for _, predictions, truth in results.values():
        np.testing.assert_array_equal(predictions["customer_id"], truth["customer_id"])
