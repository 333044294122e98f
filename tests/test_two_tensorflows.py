"""The same models from TensorFlow 2.15 and from today's; what one has made, the other goes on with.

Runs on today's, where scripts/setup.sh has made the other one, too.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import tensorflow as tf

from tests import estimator_run
from tests.estimator_run import assert_same

ROOT = Path(__file__).parent.parent
BEFORE = ROOT / ".venv-tf215" / "bin" / "python"
pytestmark = pytest.mark.skipif(
    tf.__version__.startswith("2.15.") or not BEFORE.exists(),
    reason=".venv-tf215 is not there, or the only one; bash scripts/setup.sh tf215 makes it",
)


def before(*arguments: str | Path) -> subprocess.Popen[str]:
    """A program on TensorFlow 2.15."""
    command = [BEFORE, "-W", "ignore", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_USE_LEGACY_KERAS": "0"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes)


def printed(process: subprocess.Popen[str]) -> dict:
    out, errors = process.communicate()
    assert process.returncode == 0, errors[-3000:]
    return json.loads(out)


@pytest.mark.filterwarnings("ignore")
def test_both_train_the_same_models_and_go_on_with_each_others(tmp_path):
    run = ("-m", "tests.estimator_run")
    other = before(*run, "make", tmp_path / "before")
    today = estimator_run.figures("train", tmp_path / "today")
    printed(other)
    # Checkpoints and SavedModels of the other one.
    other = before(*run, "use", tmp_path / "today")
    of_before = estimator_run.figures("use", tmp_path / "before")
    used_before = printed(other)
    assert used_before["TensorFlow"] != today["TensorFlow"]
    assert_same(used_before, today, 1e-6)
    assert_same(of_before, today, 1e-4)


EXPORT = """
import json, sys
import pandas, tensorflow as tf
from sampling import InputFn, Schema
from sampling.estimator.forwarding import forward_features
from sampling.estimator.serving import serving_input_receiver_fn

folder = sys.argv[1]
columns = {"id": int, "x": float, "city": str, "ok": bool, "label": int}
schema = Schema.from_dict(columns, label="label", features_to_forward=["id", "city"])
rows = {"id": range(9), "x": 0.5, "city": "Rome", "ok": True, "label": [0, 1, 1] * 3}
pandas.DataFrame(rows).to_csv(f"{folder}/rows.csv", index=False)
serving_input = serving_input_receiver_fn(schema)  # tf.estimator is there
config = tf.estimator.RunConfig(f"{folder}/model", tf_random_seed=1)
x = tf.feature_column.numeric_column("x")
estimator = tf.estimator.DNNClassifier([4], [x], weight_column="weight", config=config)
estimator.train(InputFn(f"{folder}/rows.csv", schema, batch_size=3))
path = forward_features(estimator, schema).export_saved_model(f"{folder}/export", serving_input)
signatures = tf.saved_model.load(path.decode()).signatures
answer = signatures["csv:predict"](csv_rows=tf.constant(["7,2.5,Oslo,false", "8,,,true"]))
print(json.dumps({
    "signatures": {
        name: [
            {key: [spec.dtype.name, spec.shape.as_list()] for key, spec in specs.items()}
            for specs in (signature.structured_input_signature[1], signature.structured_outputs)
        ]
        for name, signature in signatures.items()
    },
    "answer": {name: str(tensor.numpy().tolist()) for name, tensor in answer.items()},
}))
"""


@pytest.mark.filterwarnings("ignore")
def test_the_exports_of_both_are_asked_alike(tmp_path, capsys, monkeypatch):
    for name in ("before", "today"):
        (tmp_path / name).mkdir()
    other = before("-c", EXPORT, tmp_path / "before")
    monkeypatch.setattr("sys.argv", ["export", str(tmp_path / "today")])
    exec(EXPORT, {})
    today = json.loads(capsys.readouterr().out)
    assert today == printed(other)
    assert {"serving_default", "predict", "csv:predict"} <= set(today["signatures"])
    assert today["answer"]["id_"] == "[7, 8]" and "Oslo" in today["answer"]["city_"]
