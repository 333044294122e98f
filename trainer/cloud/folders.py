"""The folders that Vertex AI names in the environment of a job.

AIP_CHECKPOINT_DIR is the job directory where no --job-dir is given; after a training the newest
export goes to AIP_MODEL_DIR, and the summaries to AIP_TENSORBOARD_LOG_DIR, where the service looks
for them. https://cloud.google.com/vertex-ai/docs/training/code-requirements
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

_MODEL = "saved_model.pb"  # what an export is not one without


def with_job_dir(given: dict[str, Any]) -> dict[str, Any]:
    """The flags that were given, and the job directory where it was not."""
    folder = os.environ.get("AIP_CHECKPOINT_DIR", "").rstrip("/")
    return {"job_dir": folder, **given} if folder else given


def publish(job_dir: str) -> None:
    """Copies export and summaries to where the service looks for them, if it says where.

    Of several processes the chief does, which exports: another one might copy an older export.
    """
    from sampling.input_fn import cluster

    if cluster.task().type != cluster.CHIEF:
        return
    model = os.environ.get("AIP_MODEL_DIR", "").rstrip("/")
    summaries = os.environ.get("AIP_TENSORBOARD_LOG_DIR", "").rstrip("/")
    job_dir = job_dir.rstrip("/")
    if model and (newest := _newest_export(job_dir)):
        _copy(newest, model, _below(newest))
        print(f"model for Vertex AI: {model}")
    if summaries:
        events = (path for path in _below(job_dir) if ".tfevents." in path)
        _copy(job_dir, summaries, events)


def _newest_export(job_dir: str) -> str | None:
    """The newest of those that are whole, or the only one, as a recommender's is."""
    import tensorflow as tf

    folder = f"{job_dir}/export"
    if not tf.io.gfile.isdir(folder):
        return None
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(folder)]
    if _MODEL in names:
        return folder
    whole = [
        name
        for name in names
        if name.isdigit()
        and tf.io.gfile.exists(f"{folder}/{name}/{_MODEL}")
        and f"temp-{name}" not in names  # where an Estimator writes it, and moves it from
    ]
    return f"{folder}/{max(whole, key=int)}" if whole else None


def _below(folder: str) -> Iterator[str]:
    """Paths of all files in it, from there on."""
    import tensorflow as tf

    for where, _, names in tf.io.gfile.walk(folder):
        inner = where[len(folder) :].strip("/")
        yield from (f"{inner}/{name}" if inner else name for name in names)


def _copy(source: str, target: str, paths: Iterator[str]) -> None:
    import tensorflow as tf

    for path in paths:
        tf.io.gfile.makedirs(os.path.dirname(f"{target}/{path}"))
        tf.io.gfile.copy(f"{source}/{path}", f"{target}/{path}", overwrite=True)
