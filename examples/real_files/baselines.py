"""What scikit-learn comes to on the same rows, as one would set it up."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

_RARE = 10  # rows of a value that has a column of its own
_MOST_CODES = 254  # that gradient boosting takes of a category
_MISSING = "<missing>"


def tables(found: list[pd.DataFrame], schema: Mapping[str, Any]) -> list[pd.DataFrame]:
    """Without ids; dates are days, and texts and booleans are categories."""
    fields = {field["name"]: field for field in schema["schema"]}
    left_out = {name for name, field in fields.items() if field.get("kind") == "id"}
    return [
        pd.DataFrame(
            {
                name: _column(values, fields[name])
                for name, values in table.items()
                if name not in left_out
            }
        )
        for table in found
    ]


def _column(values: pd.Series, field: Mapping[str, Any]) -> pd.Series:
    if field["type"] in ("DATE", "DATETIME", "TIMESTAMP"):
        days = pd.to_datetime(values, errors="coerce") - pd.Timestamp("2000-01-01")
        return days / pd.Timedelta(1, "D")
    if field["type"] in ("STRING", "BOOLEAN") or field.get("kind") == "category":
        return values.astype(object).where(values.notna(), _MISSING).astype(str).str.strip()
    return values.astype(np.float64)


def logistic_regression(
    train: pd.DataFrame, labels: np.ndarray, test: pd.DataFrame, seed: int
) -> np.ndarray:
    """Probabilities [test rows]: one-hot categories, standardised numbers, indicators of blanks."""
    numbers, categories = _kinds(train)
    filled = SimpleImputer(strategy="median", add_indicator=True)
    one_hot = OneHotEncoder(min_frequency=_RARE, handle_unknown="infrequent_if_exist")
    columns = make_column_transformer(
        (make_pipeline(filled, StandardScaler()), numbers), (one_hot, categories)
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=2_000))
    return _probabilities(model, train, labels, test)


def gradient_boosting(
    train: pd.DataFrame, labels: np.ndarray, test: pd.DataFrame, seed: int
) -> np.ndarray:
    """Probabilities [test rows]: numbers as they are; the most frequent categories have codes."""
    numbers, categories = _kinds(train)
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=_MOST_CODES
    )
    columns = make_column_transformer((codes, categories), ("passthrough", numbers))
    model = HistGradientBoostingClassifier(
        categorical_features=list(range(len(categories))), random_state=seed
    )
    return _probabilities(make_pipeline(columns, model), train, labels, test)


def _kinds(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Names of numbers, and of categories."""
    numbers = [name for name, values in table.items() if values.dtype == np.float64]
    return numbers, [name for name in table if name not in numbers]


def _probabilities(
    model: Any, train: pd.DataFrame, labels: np.ndarray, test: pd.DataFrame
) -> np.ndarray:
    # Threads that wait for each other busily take many times as long on a machine with other work.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is near enough
        warnings.filterwarnings("ignore", "Found unknown categories")
        model.fit(train, labels)
        return np.asarray(model.predict_proba(test)[:, 1], np.float64)
