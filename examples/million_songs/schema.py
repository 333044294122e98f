"""The schema of the task for Python code, read from `schema.json`."""

from pathlib import Path

import sampling

SCHEMA = sampling.Schema.from_json(
    Path(__file__).with_name("schema.json"),
    label="n_listens",
    features_to_forward=("user_name", "track_id"),
)
