"""From files as people have them to predictions: four commands, and no flag but names."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sampling import Schema
from sampling.__main__ import main

HERE = Path(__file__).resolve()
DATA = next((up / "shared/data" for up in HERE.parents if (up / "shared/data").is_dir()), HERE)
ROWS = 600
QUICK = (
    *("--model=wide_deep", "--multiplier=1", "--num_epochs=1", "--batch_size=1024"),
    *("--best_metric=no", "--calibrate=no", "--no-report"),
)
IS_RARE = (np.arange(ROWS) % 7 == 3).astype(int)
AGES = np.random.default_rng(0).integers(18, 60, ROWS) + 20 * IS_RARE


class Kind(NamedTuple):
    """Files of a kind.

    Args:
        make: writes small ones like them into a folder.
        label: its column.
        classes: what predictions call them.
        real: below `../shared/data`; in place of the small ones, where it is there.
        names: further flags of `schema`.
        carried: the column that predictions carry, if one is.
    """

    make: Callable[[Path], Path]
    label: str
    classes: tuple[Any, Any]
    real: str = ""
    names: tuple[str, ...] = ()
    carried: str = ""


def adult(folder: Path) -> Path:
    """Texts with hyphens and question marks; a label of signs."""
    jobs = ["?", "Craft-repair", "Exec-managerial"]
    rows = [
        f"{age},{jobs[i % 3]},{i * 77516 % 9973},{['<=50K', '>50K'][rare]}\n"
        for i, (age, rare) in enumerate(zip(AGES, IS_RARE, strict=True))
    ]
    path = folder / "adult.csv.gz"
    path.write_bytes(gzip.compress(f"age,occupation,fnlwgt,income\n{''.join(rows)}".encode()))
    return path


def bank(folder: Path) -> Path:
    """pandas' index, and yes and no."""
    frame = pd.DataFrame({"age": AGES, "housing": np.where(np.arange(ROWS) % 2, "yes", "no")})
    frame["y"] = np.where(IS_RARE == 1, "yes", "no")
    frame.to_csv(folder / "bank.csv")
    return folder / "bank.csv"


def churn(folder: Path) -> Path:
    """No header, a blank after each comma, phone numbers, and a full stop after the label."""
    rows = [
        f"{['KS', 'OH'][i % 2]}, {age}, 382-{i:04d}, {['no', 'yes'][i % 3 == 0]}, {age / 7:.2f}, "
        f"{['False.', 'True.'][rare]}\n"
        for i, (age, rare) in enumerate(zip(AGES, IS_RARE, strict=True))
    ]
    (folder / "churn.all.gz").write_bytes(gzip.compress("".join(rows).encode()))
    return folder / "churn.all.gz"


def card_fraud(folder: Path) -> Path:
    """Parquet with an index that was written, and whole numbers as floats."""
    columns = {"Unnamed: 0": np.arange(ROWS * 1.0), "V1": AGES * 1.0, "label": IS_RARE * 1.0}
    pd.DataFrame(columns).to_parquet(folder / "card.parquet", index=False)
    return folder / "card.parquet"


def shop(folder: Path) -> Path:
    """As Excel writes it in Germany; some amounts and labels are blank, and names are long."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(["Kunde-Nr.", "Größe (m)", "Straße; Ort", "Käufer?"])
    for i, (age, rare) in enumerate(zip(AGES, IS_RARE, strict=True)):
        amount = "n/a" if i % 9 == 0 else f"{age / 7:.3f}".replace(".", ",")
        writer.writerow([f"k{i:05d}", amount, f"Weg {i % 4}; Köln", ["nein", "ja"][rare]])
    (folder / "shop.csv").write_bytes(text.getvalue().encode("latin-1"))
    return folder / "shop.csv"


KINDS = {
    "adult": Kind(adult, "income", ("<=50K", ">50K"), "adult/adult_income.csv.gz"),
    "bank": Kind(bank, "y", ("no", "yes"), "bank-marketing/bank_marketing.csv", (), "Unnamed: 0"),
    "churn": Kind(churn, "", (" False.", " True."), "churn/churn.all.gz"),
    "card fraud": Kind(card_fraud, "label", (0, 1), "card-fraud/creditcard.parquet"),
    "shop": Kind(
        shop,
        "buys",
        ("nein", "ja"),
        names=(
            "--encoding=latin-1",
            "--decimal=,",
            "--null-values=n/a",
            "--rename=Kunde-Nr.:customer,Käufer?:buys",
            "--key=customer",
        ),
        carried="customer",
    ),
}


def predictions(job: Path) -> pd.DataFrame:
    return pd.DataFrame(map(json.loads, (job / "predictions.jsonl").read_text().splitlines()))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.long] * (name != "shop")) for name in KINDS],
)
def test_four_commands(tmp_path, capsys, name):
    kind = KINDS[name]
    real = DATA / kind.real
    path = real if kind.real and real.exists() else kind.make(tmp_path)
    if path == real and path.suffix == ".parquet":
        path = tmp_path / "some.parquet"
        pq.write_table(pq.read_table(real).slice(0, 20_000), path)
    label = kind.label or f"column_{21 if path == real else 6}"
    main(["schema", str(path), f"--label={label}", *kind.names])
    schema_file = tmp_path / "schema.json"
    schema_file.write_text(capsys.readouterr().out)
    schema, read = Schema.from_json(schema_file), f"--schema={schema_file}"
    main(["split", str(path), read, f"--output={tmp_path}/data"])
    job = f"--job-dir={tmp_path}/job"
    main(["train", "propensity", f"--data-dir={tmp_path}/data", job, *QUICK])
    main(["predict", "propensity", job, read, f"--test-dir={path}"])
    found = predictions(tmp_path / "job")
    rows = schema.statistics[label].rows
    assert len(found) == rows and found["probability"].between(0, 1).all()
    assert set(found["class"]) <= set(kind.classes)
    is_positive = found["probability"] >= 0.5
    assert (found["class"] == np.where(is_positive, kind.classes[1], kind.classes[0])).all()
    if kind.carried:
        raw = pd.read_csv(path, sep=None, engine="python", encoding="latin-1")
        assert found[kind.carried].tolist() == raw.iloc[:, 0].tolist()
    split = Schema.from_manifest(tmp_path / "data")
    assert split.names == schema.names and split.classes == schema.classes
    if name == "shop":
        check_shop(tmp_path, schema, found)


def check_shop(folder: Path, schema: Schema, before: pd.DataFrame) -> None:
    """The new names throughout, and labels that are blank or unknown may be predicted."""
    assert schema.names == ("customer", "Größe (m)", "Straße; Ort", "buys")
    assert [field.type for field in schema] == ["STRING", "FLOAT", "STRING", "STRING"]
    shard = next((folder / "data/test").rglob("*.csv"))
    assert shard.read_text().splitlines()[0] == 'customer;Größe (m);"Straße; Ort";buys'
    job, read = f"--job-dir={folder}/job", f"--schema={folder}/schema.json"
    main(["evaluate", "propensity", job, f"--data-dir={folder}/data", "--no-report"])
    tested = [line for path in shard.parent.glob("*.csv") for line in path.read_text().split()[1:]]
    labels = [line.rpartition(";")[2] for line in tested if line.endswith(("ja", "nein"))]
    evaluation = json.loads((folder / "job/evaluation.json").read_text())
    assert evaluation["rows"] == len(labels)
    assert evaluation["base_rate"] == pytest.approx(labels.count("ja") / len(labels))
    raw = folder / "shop.csv"
    raw.write_bytes(raw.read_bytes().replace(b";ja\r\n", b";\r\n").replace(b";nein\r", b";wer?\r"))
    main(["predict", "propensity", job, read, f"--test-dir={raw}"])
    pd.testing.assert_frame_equal(predictions(folder / "job"), before)
