"""A job directory whose files are damaged: a sentence that names the file, and nothing is lost."""

from __future__ import annotations

import json
import re

import pytest
import tensorflow as tf

from trainer import task

PARAMETERS = {"flags": {"model": "dnn"}, "schema": [], "scales": {}, "columns": None}


@pytest.fixture
def job_dir(tmp_path):
    """A checkpoint of step 7, and parameters."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        step = tf.compat.v1.train.get_or_create_global_step()
        session.run(step.assign(7))
        tf.compat.v1.train.Saver().save(session, str(tmp_path / "model.ckpt"), step)
    (tmp_path / "parameters.json").write_text(json.dumps(PARAMETERS))
    return tmp_path


def cut(path, length=10):
    path.write_bytes(path.read_bytes()[:length])


@pytest.mark.parametrize("mode", ["train", "evaluate", "predict"])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda job: cut(job / "checkpoint", 0), "checkpoint names no checkpoint that is there"),
        (lambda job: (job / "model.ckpt-7.index").unlink(), "names no checkpoint that is there"),
        (lambda job: cut(job / "model.ckpt-7.index"), r"model\.ckpt-7 can't be read \("),
        (
            lambda job: (job / "model.ckpt-7.data-00000-of-00001").unlink(),
            r"model\.ckpt-7 can't be read \(",
        ),
        (
            lambda job: cut(job / "model.ckpt-7.data-00000-of-00001", 0),
            r"model\.ckpt-7 can't be read \(",
        ),
        (lambda job: (job / "parameters.json").unlink(), r"can't read .*parameters\.json"),
        (lambda job: cut(job / "parameters.json"), r"parameters\.json is not as a job writes it"),
        (lambda job: (job / "parameters.json").write_text("[" * 9999), "json is not as a job"),
        (lambda job: (job / "parameters.json").write_text("[]"), "found list, expected an object"),
        (lambda job: (job / "parameters.json").write_text("{}"), "it lacks 'flags'"),
        (
            lambda job: (job / "parameters.json").write_text('{"flags": null}'),
            r"parameters\.json is not as a job writes it",
        ),
    ],
)
def test_what_is_damaged_is_named(job_dir, capsys, mode, damage, said):
    damage(job_dir)
    before = {path.name: path.read_bytes() for path in job_dir.iterdir()}
    with pytest.raises(SystemExit) as ended:
        task.main(["propensity", f"--mode={mode}", f"--job-dir={job_dir}"])
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1
    assert re.search(said, lines[-1]) and not any("Traceback" in line for line in lines)
    assert {path.name: path.read_bytes() for path in job_dir.iterdir()} == before
