"""The schema of NCF's files for Python code, read from `schema.json`."""

from pathlib import Path

import sampling

SCHEMA = sampling.Schema.from_json(
    Path(__file__).with_name("schema.json"),
    label="rating",
    features_to_forward=("user", "item"),
)
