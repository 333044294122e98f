"""Columns by their kind -> a matrix of numbers and one of codes, the same in training and export.

    columns = measure(InputFn(files, readable(schema), shuffle=True))
    FeatureLayer(columns)     # a layer of Keras
    feature_columns(columns)  # what canned Estimators take

In reading order: `columns` (the constants), `measuring` (rows and statistics -> constants),
`dates`, `encoding` (a batch and constants -> what a network takes), `layer`, `canned`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sampling.features.canned import feature_columns
    from sampling.features.columns import readable
    from sampling.features.layer import FeatureLayer
    from sampling.features.measuring import measure

_HOMES = {
    "FeatureLayer": "layer",
    "feature_columns": "canned",
    "measure": "measuring",
    "readable": "columns",
}

__all__ = ["FeatureLayer", "feature_columns", "measure", "readable"]


def __getattr__(name: str) -> Any:
    """Imports what is asked for: a job of Estimators has no use for Keras."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
