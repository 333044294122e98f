"""The files of the study, cut and read by the commands.

customers                             made on the spot (examples/customers); the truth is known
adult, bank-marketing, churn,         public files, in a folder each; those that are not there
card-fraud, celeba-bald               are left out
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from examples.customers import make_data
from sampling.__main__ import main as tf_sampling
from sampling.files import manifest

CUSTOMERS = "customers"


class Source(NamedTuple):
    """A file as somebody left it.

    Args:
        file: within the folder of all data.
        label: its column; those of files without a header are column_1, column_2, ...
        key: the column of an id, if the study names one.
    """

    file: str
    label: str
    key: str | None = None


SOURCES = {
    CUSTOMERS: Source("customers.csv", make_data.LABEL, make_data.KEY),
    "adult": Source("adult/adult_income.csv.gz", "income"),
    "bank-marketing": Source("bank-marketing/bank_marketing.csv", "y"),
    "churn": Source("churn/churn.all.gz", "column_21"),
    "card-fraud": Source("card-fraud/creditcard.parquet", "label"),
    "celeba-bald": Source("celeba-bald/celeba-bald.csv.gz", "label"),
}


class Cut(NamedTuple):
    """What `split` made of a file.

    Attributes:
        folder: for --data-dir.
        schema: as `tf-sampling schema` found it, of JSON.
        truth: the probability that each test row's label was drawn from, if that is known.
    """

    folder: Path
    schema: dict[str, Any]
    truth: np.ndarray | None

    @property
    def rows(self) -> tuple[int, int]:
        """Positive and negative ones in train."""
        counts = manifest.read(str(self.folder))["splits"]["train"]["classes"]
        return counts["positive"]["rows"], counts["negative"]["rows"]

    def table(self, split: str) -> tuple[pd.DataFrame, np.ndarray]:
        """The features of the rows in the order of the files, and labels, 0 or 1."""
        made, fields = manifest.read(str(self.folder)), self.schema["schema"]
        label, positive = made["label"], [text.strip() for text in made["labels"]["positive"]]
        texts = {field["name"]: str for field in fields if field["type"] == "STRING"}
        files = sorted((self.folder / split).rglob("*.csv"))
        parts = [
            pd.read_csv(
                file,
                dtype={**texts, label: str},
                usecols=[field["name"] for field in fields],
                skipinitialspace=True,
                low_memory=False,
            )
            for file in files
        ]
        rows = pd.concat(parts, ignore_index=True)
        labels = rows[label].str.strip().isin(positive).to_numpy(np.float64)
        return rows.drop(columns=label), labels


def command(*arguments: str, log: Path, output: Path | None = None) -> None:
    """Runs `tf-sampling` with these arguments.

    Args:
        log: where to append what it says.
        output: where to write what is on stdout, if that is its result.
    """
    with contextlib.ExitStack() as stack:
        said = stack.enter_context(log.open("a"))
        print("tf-sampling", *arguments, file=said, flush=True)
        stdout = stack.enter_context(output.open("w")) if output else said
        stack.enter_context(contextlib.redirect_stderr(said))
        stack.enter_context(contextlib.redirect_stdout(stdout))
        try:
            tf_sampling(arguments)
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"tf-sampling {arguments[0]} has failed, see {log}") from None


def available(data: Path | None, names: Sequence[str]) -> list[str]:
    """Those of the names whose files are there; the embedded set always is."""
    return [
        name
        for name in names
        if name == CUSTOMERS or (data is not None and (data / SOURCES[name].file).exists())
    ]


def cut(name: str, data: Path | None, work: Path, seed: int, rows: int) -> Cut:
    """The file through `schema` and `split`; what has been done is not done again.

    Args:
        data: the folder of the public files.
        work: where to write.
        seed: of the split, and of the embedded set.
        rows: of the embedded set.
    """
    source, folder = SOURCES[name], work / name
    folder.mkdir(parents=True, exist_ok=True)
    raw, log = (data or work) / source.file, folder / "commands.log"
    made = folder / f"made-{rows}"
    if name == CUSTOMERS:
        raw = made / source.file
        if not made.exists():
            make_data.make_data(made, rows)
    label, key = f"--label={source.label}", [f"--key={source.key}"] if source.key else []
    schema, target = folder / "schema.json", folder / f"split-{seed}"
    if not target.exists():
        command("schema", str(raw), label, *key, log=log, output=schema)
        flags = [f"--schema={schema}", f"--output={target}", f"--seed={seed}"]
        command("split", str(raw), label, *key, *flags, log=log)
    found = Cut(target, manifest.read(str(target)), None)
    found = found._replace(schema=json.loads(schema.read_text()))
    if name != CUSTOMERS:
        return found
    keys = found.table("test")[0][[make_data.KEY]]
    truth = pd.read_csv(made / "truth.csv")
    return found._replace(truth=keys.merge(truth, "left")["probability"].to_numpy())
