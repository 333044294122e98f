"""The example at the head of the README does what it says."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

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
    write(Path("train/buyers/a.csv"), 40, 1)
    write(Path("train/others/a.csv"), 1000, 0)
    write(Path("test/a.csv"), 100, (np.arange(100) % 10 == 0).astype(int))
    example = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[0]
    names = {"model": MadeWhenFitted()}
    exec(example, names)
    assert names["estimator"].get_variable_value("global_step") == 5 * 1
    assert names["train"].describe()["weighted_ratio"] == "1 : 25"
