"""`tf-sampling split` of what users did, beside pandas; and the trainer on what it wrote."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from sampling.__main__ import main
from sampling.files import manifest
from trainer import task

NAMES = ["user", "item", "rating", "timestamp"]


def made_up(events, seed=0):
    """Users repeat items, items have a long tail, and some come late."""
    generator = np.random.default_rng(seed)
    log = pd.DataFrame(
        {
            "user": [f"ué{number}" for number in generator.integers(40, size=events)],
            "item": np.minimum(*generator.integers(60, size=(2, events))),
            "rating": generator.integers(1, 6, size=events),
            "timestamp": generator.integers(978_000_000, 978_000_400, size=events),
        }
    )
    log["item"] += 100 * ((log["timestamp"] > 978_000_370) & (log["rating"] == 5))
    return log


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A table, and as a file: no header, tabs, latin-1."""
    table = made_up(1500)
    path = tmp_path_factory.mktemp("log") / "u.data"
    table.to_csv(path, sep="\t", index=False, header=False, encoding="latin-1")
    return table, path


def split(path, output, *flags, columns=True):
    named = [f"--columns={','.join(NAMES)}", "--encoding=latin-1"] if columns else []
    main(["split", str(path), f"--output={output}", *named, *flags])
    return manifest.read(output)


def written(folder, name, **options):
    found = [pd.read_csv(path, sep="\t", **options) for path in sorted(folder.glob(f"{name}/*"))]
    return pd.concat(found) if found else pd.DataFrame(columns=NAMES)


def pairs(table):
    return set(zip(table["user"], table["item"], strict=True))


def expected(log, least):
    """(train, dev, test, known) as pandas makes them."""
    ordered = log.sort_values("timestamp", kind="stable")
    liked = ordered[ordered["rating"] >= 4].drop_duplicates(["user", "item"])
    kept, before = liked, -1
    while before != len(kept):
        before = len(kept)
        for key in ("user", "item"):
            kept = kept[kept.groupby(key)["rating"].transform("size") >= least]
    from_last = kept.groupby("user").cumcount(ascending=False)
    sizes = kept.groupby("user")["rating"].transform("size")
    test = kept[(from_last == 0) & (sizes > 1)]
    dev = kept[(from_last == 1) & (sizes > 2)]
    train = kept.drop(index=[*test.index, *dev.index])
    known = log[(log["rating"] < 4)]
    of_liked = [pair in pairs(liked) for pair in zip(known["user"], known["item"], strict=True)]
    known = known[~np.array(of_liked)]
    return train, dev, test, known


@pytest.mark.parametrize("least", [1, 8])
def test_the_last_event_of_each_user_is_held_out(log, tmp_path, capsys, least):
    table, path = log
    flags = "--leave-one-out=user", "--time=timestamp", "--positive=rating>=4"
    made = split(path, tmp_path / "data", *flags, f"--min-events={least}", "--shards=2")
    for name, rows in zip(("train", "dev", "test", "known"), expected(table, least), strict=True):
        found = written(tmp_path / "data", name)
        assert sorted(map(tuple, found[NAMES].values)) == sorted(map(tuple, rows[NAMES].values))
        assert made["splits"][name]["rows"] == len(rows)
    liked = table[table["rating"] >= 4]
    repeated = len(liked) - len(pairs(liked))
    assert made["events"]["repeated"] == repeated
    out = capsys.readouterr().out
    assert f"{repeated} events repeat a pair" in out
    assert "users: user, " in out and "; items: item, " in out
    assert ("have fewer than 8 events: left out" in out) == (least == 8)
    assert (made["label"], made["user_key"], made["item_key"]) == ("rating", "user", "item")


def test_without_a_time_later_lines_are_later(tmp_path):
    lines = ["user,song,weeks", "a,1,7", "b,1,7", "a,2,7", "b,2,7", "a,3,7", "c,1,7"]
    (tmp_path / "plays.csv").write_text("\n".join(lines) + "\n")
    split(tmp_path / "plays.csv", tmp_path / "data", "--leave-one-out=user", columns=False)
    found = {
        name: set(pd.concat(map(pd.read_csv, folder.glob("*"))).apply(tuple, axis=1))
        for name in ("train", "dev", "test")
        for folder in [tmp_path / "data" / name]
    }
    assert found["test"] == {("a", 3, 7), ("b", 2, 7)}
    assert found["dev"] == {("a", 2, 7)}
    assert found["train"] == {("a", 1, 7), ("b", 1, 7), ("c", 1, 7)}


def test_a_date_for_all_and_what_training_never_saw(log, tmp_path, capsys):
    table, path = log
    made = split(path, tmp_path / "data", "--user-key=user", "--time=timestamp")
    parts = {name: written(tmp_path / "data", name) for name in ("train", "dev", "test")}
    firsts = table.sort_values("timestamp", kind="stable").drop_duplicates(["user", "item"])
    assert sum(map(len, parts.values())) == len(firsts)
    assert len(parts["train"]) == pytest.approx(0.8 * len(firsts), rel=0.02)
    begins = made["begins"]
    assert parts["train"]["timestamp"].max() < begins["dev"] <= parts["dev"]["timestamp"].min()
    assert parts["dev"]["timestamp"].max() < begins["test"] == parts["test"]["timestamp"].min()
    new = ~parts["test"]["item"].isin(parts["train"]["item"])
    said = f"test: {new.sum()} of {len(new)} are of items not in training"
    assert new.any() and said in capsys.readouterr().out
    assert made["events"]["held_out"]["test"]["of_unseen_items"] == new.sum()


def test_a_user_and_its_items_on_a_line(tmp_path):
    lines = "u\xe9 5 7 9\n\nv 5\nw\nx 7 5 7\n"
    (tmp_path / "train.txt.gz").write_bytes(gzip.compress(lines.encode("latin-1")))
    flags = "--lists", "--encoding=latin-1", "--splits=train=0.5,test=0.5"
    split(
        tmp_path / "train.txt.gz",
        tmp_path / "data",
        *flags,
        "--leave-one-out=user",
        columns=False,
    )
    found = [
        pd.concat(map(pd.read_csv, (tmp_path / "data" / n).glob("*"))) for n in ("train", "test")
    ]
    assert [pairs(each) for each in found] == [
        {("u\xe9", 5), ("u\xe9", 7), ("v", 5), ("x", 7)},
        {("u\xe9", 9), ("x", 5)},
    ]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--positive=rating>=4"], "--positive=rating>=4 is of events, and the column of users"),
        (["--leave-one-out=who"], "there is no column 'who'"),
        (["--leave-one-out=user", "--positive=5"], "expected a comparison of a column such as"),
        (["--leave-one-out=user", "--positive=stars>1"], "compares the column 'stars', expected"),
        (["--leave-one-out=user", "--positive=rating>few"], "expected numbers on both sides"),
        (["--leave-one-out=user", "--positive=rating>5"], "leaves none for train"),
        (["--leave-one-out=user", "--stratify"], "--stratify is not for events"),
        (["--leave-one-out=user", "--time=item", "--item-key=when"], "'when'"),
    ],
)
def test_what_can_not_be_split(log, tmp_path, capsys, flags, message):
    with pytest.raises(SystemExit) as ended:
        split(log[1], tmp_path / "data", *flags)
    assert ended.value.code == 1 and message in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.filterwarnings("ignore")
def test_from_a_log_to_lists(log, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("warnings.filterwarnings", lambda *_, **__: None)
    data, job = tmp_path / "data", f"--job-dir={tmp_path / 'job'}"
    flags = "--leave-one-out=user", "--time=timestamp", "--positive=rating>=4", "--min-events=3"
    split(log[1], data, *flags)
    main(["train", "recommender", f"--data-dir={data}", job, "--model=gmf", "--num-epochs=1"])
    assert "best epoch: 1" in capsys.readouterr().out
    assert json.loads((tmp_path / "job/evaluation.json").read_text())["test_dir"] == [
        f"{data}/test/*.csv"
    ]
    lists = tmp_path / "recommendations.jsonl"
    main(["predict", "recommender", job, "--top=50", f"--output={lists}"])
    found = [json.loads(line) for line in lists.read_text(encoding="utf-8").splitlines()]
    every = written(data, "train")
    assert {each["user"] for each in found} == set(every["user"])
    known = {name: pairs(written(data, name)) for name in ("train", "dev", "known", "test")}
    items = set(every["item"])
    for each in found:
        listed = {(each["user"], item) for item in each["item"]}
        had = known["train"] | known["dev"] | known["known"]
        assert listed == {(each["user"], item) for item in items} - had
    assert known["test"] <= {(each["user"], item) for each in found for item in each["item"]}
    main(["predict", "recommender", job, "--top=50", f"--exclude={data}/test/*.csv"])
    lines = (tmp_path / "job/recommendations.jsonl").read_text(encoding="utf-8").splitlines()
    listed = {(each["user"], item) for each in map(json.loads, lines) for item in each["item"]}
    assert listed and not listed & known["test"]


def test_a_folder_that_is_no_split_of_events(tmp_path, capsys):
    (tmp_path / "raw.csv").write_text("id,bought\n" + "".join(f"{n},{n % 2}\n" for n in range(99)))
    main(["split", str(tmp_path / "raw.csv"), f"--output={tmp_path / 'data'}", "--label=bought"])
    with pytest.raises(SystemExit):
        flags = [f"--data-dir={tmp_path / 'data'}", f"--job-dir={tmp_path / 'job'}"]
        task.main(["recommender", "--mode=train", *flags])
    assert "is no split of events; make one by tf-sampling split" in capsys.readouterr().err
