"""The songs example: its data, and the vocabularies made of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from examples.million_songs import make_data
from examples.million_songs.schema import SCHEMA
from sampling import InputFnWithFakePairs
from sampling.__main__ import main as prepare

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """The data that the scripts make."""
    folder = tmp_path_factory.mktemp("songs") / "data"
    return folder, make_data.make_data(str(folder))


def rows(folder, split):
    parts = sorted((folder / split).glob("part-*.csv"))
    return pd.concat([pd.read_csv(part) for part in parts], ignore_index=True)


def test_every_user_has_one_play_held_out(songs):
    folder, manifest = songs
    train, test = rows(folder, "train"), rows(folder, "test")
    assert list(train) == list(test) == list(SCHEMA.names)
    assert test["user_name"].is_unique and len(test) == manifest["users"] == 2000
    assert manifest["plays"] == {"train": len(train), "test": len(test)}
    assert not pd.concat([train, test]).duplicated(["user_name", "track_id"]).any()
    assert (train["n_listens"] >= 1).all()
    assert train["user_name"].value_counts().min() >= make_data.LEAST_PLAYS
    genres = pd.read_csv(folder / "songs.csv", index_col="track_id")["genres"]
    assert set(train["track_id"]) <= set(genres.index) and genres.str.contains(r"g\d").all()


def test_popularity_has_a_long_tail_and_taste_beats_it(songs):
    folder, manifest = songs
    counts = rows(folder, "train")["track_id"].value_counts().to_numpy()
    assert counts[:150].sum() > 0.3 * counts.sum() and counts[-150:].max() < 20
    hit_rate = manifest["hit_rate_at_10"]
    assert hit_rate["true_odds"] > hit_rate["popularity"] + 0.2


def test_the_same_seed_makes_the_same_files(tmp_path):
    for name in ("one", "other"):
        make_data.make_data(str(tmp_path / name), users=30, songs=120)
    for path in sorted((tmp_path / "one").rglob("*.*")):
        assert (
            path.read_bytes()
            == (tmp_path / "other" / path.relative_to(tmp_path / "one")).read_bytes()
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [({"songs": 100}, "songs is 100, expected 120"), ({"users": 0}, "users is 0")],
)
def test_numbers_out_of_range_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        make_data.make_data(str(tmp_path / "data"), **options)


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is not empty"):
        make_data.make_data(str(tmp_path))


def test_it_is_read_with_fakes(songs):
    folder, _ = songs
    input_fn = InputFnWithFakePairs(
        str(folder / "train/*.csv"),
        SCHEMA,
        "user_name",
        "track_id",
        user_vocabulary=str(ROOT / "vocab/users.csv"),
        item_vocabulary=str(ROOT / "vocab/songs.csv"),
    )
    labels = np.concatenate([labels for _, labels, _ in input_fn.batches()])
    assert np.count_nonzero(labels == 0) == np.count_nonzero(labels) == len(rows(folder, "train"))


# --- vocabularies ---


@pytest.mark.parametrize(("column", "name"), [("user_name", "users"), ("track_id", "songs")])
def test_the_vocabularies_are_those_of_the_data(songs, tmp_path, column, name):
    made = tmp_path / "made.csv"
    prepare(["vocab", f"{songs[0]}/*/*.csv", f"--column={column}", f"--output={made}"])
    assert made.read_bytes() == (ROOT / f"vocab/{name}.csv").read_bytes()


def test_the_schema_is_the_file(songs):
    entries = json.loads((ROOT / "examples/million_songs/schema.json").read_text())
    assert [entry["name"] for entry in entries] == list(SCHEMA.names)
