"""The same models from TensorFlow 2.15 and from today's; what one has made, the other goes on with.

Runs where both environments of scripts/setup.sh are there.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.estimator_run import assert_same

ROOT = Path(__file__).parent.parent
PYTHONS = {name: ROOT / name / "bin" / "python" for name in (".venv", ".venv-tf215")}
lacking = [name for name, python in PYTHONS.items() if not python.exists()]
pytestmark = pytest.mark.skipif(
    bool(lacking), reason=f"{', '.join(lacking)} is not there; bash scripts/setup.sh makes both"
)


def started(name: str, *arguments: str | Path) -> subprocess.Popen[str]:
    command = [PYTHONS[name], "-W", "ignore", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_USE_LEGACY_KERAS": "0"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes)


def printed(process: subprocess.Popen[str]) -> dict:
    out, errors = process.communicate()
    assert process.returncode == 0, errors[-3000:]
    return json.loads(out)


def test_both_train_the_same_models_and_go_on_with_each_others(tmp_path):
    today, before = PYTHONS
    run = ("-m", "tests.estimator_run")
    training = {name: started(name, *run, "train", tmp_path / name) for name in PYTHONS}
    made = {name: printed(process) for name, process in training.items()}
    assert made[today]["TensorFlow"] != made[before]["TensorFlow"]
    assert_same(made[today], made[before], 1e-4)
    other = {today: before, before: today}
    using = {name: started(name, *run, "use", tmp_path / other[name]) for name in PYTHONS}
    for name, process in using.items():  # checkpoints and SavedModels of the other one
        assert_same(printed(process), made[other[name]], 1e-6)


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


def test_the_exports_of_both_are_asked_alike(tmp_path):
    exporting = {}
    for name in PYTHONS:
        (tmp_path / name).mkdir()
        exporting[name] = started(name, "-c", EXPORT, tmp_path / name)
    today, before = (printed(process) for process in exporting.values())
    assert today == before
    assert {"serving_default", "predict", "csv:predict"} <= set(today["signatures"])
    assert today["answer"]["id_"] == "[7, 8]" and "Oslo" in today["answer"]["city_"]
