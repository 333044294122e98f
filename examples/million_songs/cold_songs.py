"""Songs that nobody has played yet, ranked by their genres.

    python -m examples.million_songs.cold_songs --data=output/songs/data --output=output/songs/cold

Every fifth song of `songs.csv` is kept out of training. Then each listener's plays of such songs
are ranked among the other such songs. AUC is how often a play comes before a song not played: one
half by chance, and for a model of ids alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

from sampling.__main__ import main as command

_SCHEMA = Path(__file__).with_name("schema.json")


def split(data: Path, output: Path) -> pd.DataFrame:
    """Writes train/plays.csv and test/plays.csv without cold songs; returns the plays of these."""
    cold = pd.read_csv(data / "songs.csv")["track_id"][::5]
    plays = {
        name: pd.concat(map(pd.read_csv, sorted((data / name).glob("*.csv"))))
        for name in ("train", "test")
    }
    for name, rows in plays.items():
        (output / name).mkdir(parents=True, exist_ok=True)
        rows[~rows["track_id"].isin(cold)].to_csv(output / name / "plays.csv", index=False)
    every = pd.concat(plays.values())
    return every[every["track_id"].isin(cold)]


def auc(export: Path, plays: pd.DataFrame, songs: Sequence[str]) -> float:
    """The mean of listeners, of plays of some songs by the scores of an exported model."""
    score = tf.saved_model.load(str(export)).signatures["serving_default"]
    found = []
    for user, own in plays.groupby("user_name")["track_id"]:
        asked = {"user_name": tf.fill([len(songs)], str(user)), "track_id": tf.constant(songs)}
        scores, played = score(**asked)["prediction"].numpy(), np.isin(songs, own)
        before = scores[played][:, np.newaxis] - scores[~played]
        found.append(np.mean((before > 0) + 0.5 * (before == 0)))
    return float(np.mean(found))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Ranks songs that training never saw.")
    parser.add_argument("--data", type=Path, required=True, help="folder of make_data")
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    parser.add_argument("--model", default="two_tower")
    parser.add_argument("--num_epochs", type=int, default=8)
    given = parser.parse_args(arguments)
    plays = split(given.data, given.output)
    job = given.output / given.model
    flags = {
        "job-dir": job,
        "schema": _SCHEMA,
        "label": "n_listens",
        "user_key": "user_name",
        "item_key": "track_id",
        "train_dir": given.output / "train/*.csv",
        "test_dir": given.output / "test/*.csv",
        "item_features": given.data / "songs.csv",
        "lists": "genres:|",
        "model": given.model,
        "num_epochs": given.num_epochs,
    }
    command(["train", "recommender", *(f"--{name}={value}" for name, value in flags.items())])
    songs = sorted(plays["track_id"].unique())
    found = auc(job / "export", plays, songs)
    print(f"{len(plays):,} plays of {len(songs):,} songs that training never saw: AUC {found:.3f}")


if __name__ == "__main__":
    main()
