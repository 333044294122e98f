"""Small sets of files that several tests read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, settings

from sampling import (
    InputFn,
    InputFnDownsampleWithWeight,
    InputFnResample,
    InputFnStratified,
    InputFnWithFakePairs,
    Schema,
)
from sampling.estimator import install, legacy_keras
from tests import written
from tests.makers import MAKERS

# The same examples in every run, however busy the machine is; scripts/stress.sh tries others.
_UNTIMED: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, **_UNTIMED)
settings.register_profile("others", max_examples=1000, **_UNTIMED)
settings.load_profile("same")

install()

SCHEMA = Schema.from_dict(
    {"id": int, "x": float, "city": str, "label": int},
    label="label",
    features_to_forward=["id"],
)
PAIR_KEYS = {"user_key": "id", "item_key": "city"}


@dataclasses.dataclass
class Classes:
    """Positives with ids 0, 1, ... and negatives with ids P, P + 1, ..., in files by class."""

    folder: Path
    positives: int
    negatives: int
    format: str = "csv"

    def files(self, name: str) -> Any:
        """A glob of those with such a name, or their DataFrames."""
        if self.format == "DataFrame":
            return [pd.read_csv(path) for path in sorted(self.folder.glob(f"{name}.csv"))]
        return str(self.folder / f"{name}.{self.format}")

    def train(self, **options: Any) -> InputFnDownsampleWithWeight:
        paths = self.files("positive-*"), self.files("negative-*")
        return InputFnDownsampleWithWeight(*paths, **{"schema": SCHEMA, "is_train": True} | options)

    def test(self, **options: Any) -> InputFnDownsampleWithWeight:
        test_dir = self.files("*")
        return InputFnDownsampleWithWeight(test_dir=test_dir, **{"schema": SCHEMA} | options)

    def pairs(self, **options: Any) -> InputFnWithFakePairs:
        """Positives as pairs of an id and a city."""
        files = self.files("positive-*")
        known = {"user_features": lambda ids: {"x": ids / 4}}
        return InputFnWithFakePairs(files, **{"schema": SCHEMA, **PAIR_KEYS, **known} | options)

    def stratified(self, **options: Any) -> InputFnStratified:
        globs = {1: self.files("positive-*"), 0: self.files("negative-*")}
        return InputFnStratified(globs, **{"schema": SCHEMA} | options)

    def mixed(self, **options: Any) -> InputFnStratified:
        return InputFnStratified(self.files("*"), **{"schema": SCHEMA} | options)

    def resampled(self, **options: Any) -> InputFnResample:
        """Every positive, and a few of the negatives, by rates between 1/8 and 1/3."""
        return InputFnResample(self.files("*"), **{"schema": SCHEMA, "rate": rates} | options)

    def everything(self, **options: Any) -> InputFn:
        return InputFn(self.files("*"), **{"schema": SCHEMA} | options)


def write_classes(
    folder: Path,
    positives: int,
    negatives: int,
    positive_files: int = 1,
    negative_files: int = 1,
    file_format: str = "csv",
) -> Classes:
    ids = np.arange(positives + negatives)
    groups = {
        "positive": (ids[:positives], positive_files),
        "negative": (ids[positives:], negative_files),
    }
    for name, (of_class, number) in groups.items():
        for index, rows in enumerate(np.array_split(of_class, number)):
            path = folder / f"{name}-{index:03}.{file_format}"
            written.write(frame(rows, rows < positives), path)
    return Classes(folder, positives, negatives, file_format)


def frame(ids: np.ndarray, labels: Any) -> pd.DataFrame:
    """Rows whose other columns follow from the id, so that a mixed-up row shows."""
    x, city = ids / 4, [f"city {i % 7}" for i in ids]
    return pd.DataFrame({"id": ids, "x": x, "city": city, "label": np.asarray(labels, int)})


def rates(table: pa.Table) -> np.ndarray:
    label, id_ = np.asarray(table["label"]), np.asarray(table["id"])
    return np.where(label == 1, 1.0, np.choose(id_ % 3, (1 / 8, 0.3, 1 / 3)))


def ids_of(batches: Sequence[Any]) -> np.ndarray:
    """All ids of numpy batches or Dataset elements, in order."""
    features = [batch[0] if isinstance(batch, tuple) else batch for batch in batches]
    return np.concatenate([np.asarray(each["id"]) for each in features])


FORMATS = ("csv", "csv.gz", "parquet", "tfrecord", "tfrecord.gz", "DataFrame")


@pytest.fixture(autouse=True)
def same_initial_weights() -> None:
    """Models begin alike in every run, so that what they learn can be tested."""
    for keras in (tf.keras, legacy_keras()):  # each has a generator of its own
        keras.utils.set_random_seed(1)


@pytest.fixture(scope="session", autouse=True)
def programs_without_keras_3():
    """Programs that tests start: Keras 3 takes as long to import as TensorFlow."""
    with pytest.MonkeyPatch.context() as patch:
        if not tf.__version__.startswith("2.15."):
            assert tf.keras.__version__.startswith("3.")  # the tests themselves have it
            patch.setenv("TF_USE_LEGACY_KERAS", "1")
        yield


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest, classes: Classes) -> Any:
    """Every input function of `classes`, as a function of further options."""
    return lambda **options: MAKERS[request.param](classes, **options)


@pytest.fixture(scope="session")
def in_formats(tmp_path_factory: pytest.TempPathFactory, classes: Classes) -> dict[str, Classes]:
    """The rows of `classes` in each format."""
    found = {"csv": classes, "DataFrame": dataclasses.replace(classes, format="DataFrame")}
    for name in FORMATS:
        if name not in found:
            folder = tmp_path_factory.mktemp(name)
            found[name] = write_classes(folder, 60, 1000, 2, 5, name)
    return found


# Modules of some twenty seconds or more, the longest first: of several processes none is left with
# one of them at the end.
LONG = (
    "trainer",
    "recommender",
    "contract_datasets",
    "two_tensorflows",
    "cloud_storage",
    "contract",
    "gcloud",
    "benchmark",
    "launch",
    "estimator_install",
    "scripts",
    "keras_resume",
    "wheel",
    "readme",
    "resample",
    "shoppers",
    "stratified",
    "resume",
    "habits",
    "wide_deep",
    "class_weights",
    "equivalent_environments",
    "from_files",
    "golden_rows",
    "mixed",
    "classes",
    "keras",
    "beam",
    "trainer_report",
    "fake_pairs",
    "report",
    "in_step",
    "estimators",
    "prepare",
    "every_format",
    "corrected",
    "what_sampling_buys",
    "features",
    "notebook",
    "parse_csv",
    "async_resume",
    "bad_input",
    "stream",
    "sampler_checks",
    "estimator_keras3",
    "s3",
    "tfrecord",
    "training",
    "downsample",
    "csv",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {f"test_{name}": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONG)))


def pytest_report_header() -> str:
    return f"TensorFlow {tf.__version__}, Keras {getattr(tf.keras, '__version__', '2')}"


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Classes:
    """60 positives in 2 files, 1,000 negatives in 5."""
    return write_classes(tmp_path_factory.mktemp("classes"), 60, 1000, 2, 5)
