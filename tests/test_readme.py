"""The example at the head of the README does what it says."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from sampling import Schema

README = Path(__file__).parent.parent / "README.md"


def write(path, rows, bought):
    rng = np.random.default_rng(rows)
    frame = pd.DataFrame({"customer_id": rng.permutation(rows), "age": rng.integers(18, 90, rows)})
    frame["income"] = rng.lognormal(10, 1, rows)
    frame["city"] = "here"
    frame["bought"] = bought
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)


def keras_model():
    inputs = {
        "age": tf.keras.Input([1], name="age", dtype=tf.int64),
        "income": tf.keras.Input([1], name="income"),
    }
    numbers = [tf.cast(each, tf.float32) for each in inputs.values()]
    joined = tf.keras.layers.Concatenate()(numbers)
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, activation="sigmoid")(joined / 1e5))
    model.compile("adam", "binary_crossentropy")
    return model


class MadeWhenFitted:
    """Keras does not like an Estimator to train between making a model and fitting it."""

    def fit(self, *arguments, **options):
        return keras_model().fit(*arguments, **options)


def test_the_first_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Path("data/train/positive/a.csv"), 40, 1)
    write(Path("data/train/negative/a.csv"), 1000, 0)
    write(Path("data/test/a.csv"), 100, (np.arange(100) % 10 == 0).astype(int))
    example = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[0]
    names = {"model": MadeWhenFitted()}
    exec(example, names)
    assert names["estimator"].get_variable_value("global_step") == 5 * 1
    assert names["train"].describe()["ratio_in_weights"] == "1 : 25"


def example(first_line):
    """The code of the README that begins so."""
    [found] = re.findall(
        rf"```python\n({re.escape(first_line)}\n.*?)```", README.read_text(), re.DOTALL
    )
    return found


def test_the_example_of_many_classes_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, cover in enumerate(["water", "snow", "soil"], 1):
        Path("tiles", cover).mkdir(parents=True)
        tiles = pd.DataFrame({"red": np.arange(200.0) * number, "nir": 0.5})
        tiles.to_csv(f"tiles/{cover}/a.csv", index=False)
    names = {"Schema": Schema}
    exec(example("from sampling import InputFnStratified"), names)
    _, labels, weights = next(names["land"].batches())
    assert Counter(labels) == {b"water": 64, b"snow": 32, b"soil": 32}
    assert set(weights[labels == b"water"]) == {1.0} and set(weights[labels == b"snow"]) == {2.0}


def test_the_articles_of_the_readme_hold_lists():
    import pyarrow as pa

    from sampling import InputFn

    pattern = r"```python\n(from sampling import Field\n.*?)```"
    [block] = re.findall(pattern, README.read_text(), re.DOTALL)
    names = {"Schema": Schema}
    exec(block, names)
    rows = [
        {"embedding": [0.5] * 128, "words": ["a"] * i, "links": [1] * i, "read": i % 2}
        for i in range(6)
    ]
    features, *_ = next(InputFn(pa.Table.from_pylist(rows), names["articles"]).batches())
    shapes = {name: column.shape for name, column in features.items()}
    assert shapes == {"embedding": (6, 128), "words": (6, 20), "links": (6, 5)}


def test_the_example_of_rates_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seconds = np.where(np.arange(200) % 2 == 0, 90.0, 30.0)
    rows = pd.DataFrame({"pages": np.arange(200), "seconds": seconds, "bought": 0})
    Path("visits").mkdir()
    rows.to_csv("visits/a.csv", index=False)
    names = {"Schema": Schema}
    exec(example("import pyarrow.compute as pc"), names)
    resampled = names["resampled"]
    assert resampled.rows_per_epoch == 110
    weights = np.concatenate([weights for *_, weights in resampled.batches()])
    assert weights.sum() == pytest.approx(3 * 200)
