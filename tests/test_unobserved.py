"""Unobserved pairs on disk: all of them, or a fair sample, as other input functions read them."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sampling import InputFnDownsampleWithWeight, Schema
from sampling.__main__ import main
from sampling.prepare import unobserved

SCHEMA = Schema.from_dict({"user": str, "item": int, "plays": int}, label="plays")


@pytest.fixture
def plays(tmp_path):
    generator = np.random.default_rng(0)
    users = [f"user, {number}" for number in generator.integers(30, size=200)]
    rows = pd.DataFrame({"user": users, "item": generator.integers(20, size=200), "plays": 3})
    rows.to_csv(tmp_path / "plays.csv", index=False)
    (tmp_path / "schema.json").write_text(SCHEMA.to_json())
    return tmp_path, rows


def run(folder, *flags):
    main(
        [
            "unobserved",
            str(folder / "plays.csv"),
            f"--schema={folder / 'schema.json'}",
            "--label=plays",
            "--user_key=user",
            "--item_key=item",
            f"--output={folder / 'unplayed'}",
            *flags,
        ]
    )
    parts = sorted((folder / "unplayed").glob("*.csv"))
    return pd.concat([pd.read_csv(part) for part in parts], ignore_index=True), len(parts)


def left(rows):
    everything = set(itertools.product(rows["user"].unique(), rows["item"].unique()))
    return everything - set(zip(rows["user"], rows["item"], strict=True))


def test_all_are_written_once(plays, capsys):
    folder, rows = plays
    written, parts = run(folder, "--shards=3")
    assert parts == 3 and set(written["plays"]) == {0}
    assert Counter(zip(written["user"], written["item"], strict=True)) == dict.fromkeys(
        left(rows), 1
    )
    told = capsys.readouterr()
    assert f"{len(left(rows)):,} of {len(left(rows)):,} pairs" in told.err
    assert told.out.startswith(f"{len(left(rows)):,} pairs:")


def test_a_sample_has_as_many_as_asked_for_each_once(plays, monkeypatch):
    monkeypatch.setattr(unobserved, "_AT_A_TIME", 17)
    folder, rows = plays
    written, _ = run(folder, "--sample=100", "--shards=2")
    pairs = set(zip(written["user"], written["item"], strict=True))
    assert len(pairs) == len(written) == 100 and pairs <= left(rows)


def test_the_downsampling_input_function_reads_them(plays):
    folder, rows = plays
    run(folder)
    input_fn = InputFnDownsampleWithWeight(
        str(folder / "plays.csv"),
        str(folder / "unplayed/*.csv"),
        schema=SCHEMA,
        is_train=True,
        weight="auto",
    )
    _, labels, weights = zip(*input_fn.batches(), strict=True)
    labels, weights = np.concatenate(labels), np.concatenate(weights)
    assert Counter(labels.tolist()) == {3: 200, 0: 200}
    assert weights[labels == 0].sum() == pytest.approx(len(left(rows)))


@given(st.integers(1, 300), st.data(), st.integers(0, 2**30))
def test_ranks_of_a_sample_are_distinct(total, data, seed):
    sample = data.draw(st.integers(1, total))
    cut = data.draw(st.integers(0, sample))
    ranks = [
        *unobserved.sample_ranks(total, sample, 0, cut, seed),
        *unobserved.sample_ranks(total, sample, cut, sample, seed),
    ]
    assert len(set(ranks)) == sample and min(ranks) >= 0 and max(ranks) < total


def test_every_rank_is_equally_likely():
    counts = np.zeros(23, int)
    for seed in range(3000):
        counts[unobserved.sample_ranks(23, 5, 0, 5, seed)] += 1
    assert stats.chisquare(counts).pvalue > 1e-4


def test_vocabularies_and_excluded_files_count(plays):
    folder, rows = plays
    (folder / "items.csv").write_text("".join(f"{item}\n" for item in range(21)))
    (folder / "held_out.csv").write_text('user,item\n"user, 1",20\n')
    flags = f"--item_vocabulary={folder / 'items.csv'}", f"--exclude={folder / 'held_out.csv'}"
    written, _ = run(folder, *flags)
    users = rows["user"].unique()
    expected = left(rows) | set(itertools.product(users, [20])) - {("user, 1", 20)}
    assert set(zip(written["user"], written["item"], strict=True)) == expected


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--sample=1000000"], "sample is 1,000,000 and there are"),
        (["--sample=0"], "sample is 0"),
        (["--shards=0"], "argument --shards: found '0', expected a whole number"),
        (["--user_key=nobody"], "user_key is 'nobody'"),
    ],
)
def test_what_can_not_be_is_refused_in_a_sentence(plays, capsys, flags, message):
    folder, _ = plays
    with pytest.raises(SystemExit) as exit_:
        run(folder, *flags)
    assert exit_.value.code in (1, 2)
    assert f"error: {message}" in capsys.readouterr().err


def test_files_written_before_are_not_added_to(plays, capsys):
    folder, _ = plays
    run(folder)
    with pytest.raises(SystemExit):
        run(folder)
    assert "already, expected nothing" in capsys.readouterr().err
    assert json.loads((folder / "schema.json").read_text())  # and nothing else was touched


def test_files_without_a_header_and_with_tabs(tmp_path):
    (tmp_path / "plays.csv").write_text("a\t1\t5\nb\t2\t5\n")
    (tmp_path / "schema.json").write_text(SCHEMA.to_json())
    written, _ = run(tmp_path, "--no-header", "--delimiter=tab", "--shards=1")
    assert written.to_csv(index=False) == "user,item,plays\na,2,0\nb,1,0\n"
