"""The examples of the README and of the library's guide do what they say."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sampling import Schema

README = Path(__file__).parent.parent / "README.md"
GUIDE = README.parent / "sampling/README.md"


def test_the_examples_of_the_first_page_run_as_pasted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for snippet in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL):
        exec(snippet, names)
    printed = capsys.readouterr().out
    assert re.search(r"^ratio_in_weights +1 : 28$", printed, re.MULTILINE)
    means = [float(mean) for mean in re.findall(r"mean probability ([0-9.]+)", printed)]
    assert len(means) == 2 and all(0.025 < mean < 0.045 for mean in means)


def example(first_line):
    """The code of the library's guide that begins so."""
    [found] = re.findall(
        rf"```python\n({re.escape(first_line)}\n.*?)```", GUIDE.read_text(), re.DOTALL
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
    [block] = re.findall(pattern, GUIDE.read_text(), re.DOTALL)
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
