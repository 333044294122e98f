"""Makes the embedded data of the task: plays with a long tail and a hidden taste.

    python -m examples.million_songs.make_data --output data --users 2000 --songs 1500 --seed 0

    data/train/part-*.csv    user_name,track_id,n_listens: all plays but one of each user
    data/test/part-*.csv     that one
    data/songs.csv           track_id,genres: "g3|g7" for each song
    data/manifest.json       counts, seed, and how good the best possible ranking is

Every user likes few of the hidden genres and every song is of one or two. A song is played in
proportion to its popularity, which has a long tail, times e^(strength x how well it fits the user).
A model that finds out who likes what beats popularity by far.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sampling.errors import SamplingError

GENRES = 12
STRENGTH = 9.0  # how much taste counts
TAIL = 0.7  # popularity of the song at rank r is r^-TAIL
MEAN_PLAYS = 40  # of a user
LEAST_PLAYS = 5
_LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))


class Taste(NamedTuple):
    """All that plays are drawn from.

    Attributes:
        users: names [users].
        songs: track ids [songs].
        log_odds: float64 [users, songs], the logarithm of how likely a song is played by a user,
            up to a constant of the user.
        fit: float64 [users, songs], 0 to 1.
        genres: float64 [songs, genres], of each song how much it is of a genre; sums are 1.
    """

    users: np.ndarray
    songs: np.ndarray
    log_odds: np.ndarray
    fit: np.ndarray
    genres: np.ndarray


def make_data(
    output: str, users: int = 2000, songs: int = 1500, seed: int = 0, shards: int = 4
) -> dict[str, Any]:
    """Writes the files; returns what is in the manifest.

    Raises:
        SamplingError: a number is out of range, or there is something in the folder.
    """
    _check(users, songs, seed, shards)
    folder = Path(output)
    if folder.exists() and any(folder.iterdir()):
        raise SamplingError(f"{folder} is not empty; remove it, or name another folder")
    generator = np.random.default_rng(seed)
    taste = make_taste(generator, users, songs)
    plays = make_plays(generator, taste)
    held_out = plays.groupby("user").head(1)  # plays are in random order within a user
    splits = {"train": plays.drop(held_out.index), "test": held_out}
    for name, rows in splits.items():
        _write(folder / name, rows, taste, generator.permutation(len(rows)), shards)
    _write_songs(folder / "songs.csv", taste)
    manifest = {
        "users": users,
        "songs": songs,
        "seed": seed,
        "plays": {name: len(rows) for name, rows in splits.items()},
        "hit_rate_at_10": _best(generator, taste, plays, held_out),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def make_taste(generator: np.random.Generator, users: int, songs: int) -> Taste:
    likes = generator.dirichlet(np.full(GENRES, 0.15), users)
    genres = generator.dirichlet(np.full(GENRES, 0.1), songs)
    popularity = generator.permutation(np.arange(1, songs + 1, dtype=float) ** -TAIL)
    fit = likes @ genres.T
    names, ids = _user_names(generator, users), _track_ids(generator, songs)
    return Taste(names, ids, STRENGTH * fit + np.log(popularity), fit, genres)


def make_plays(generator: np.random.Generator, taste: Taste) -> pd.DataFrame:
    """Columns user, song (numbers) and n_listens; the songs of each user distinct, in random order.

    The largest of log odds + Gumbel noise are a draw without replacement in proportion to the odds.
    """
    tables = []
    for user, log_odds in enumerate(taste.log_odds):
        number = LEAST_PLAYS + generator.geometric(1 / (MEAN_PLAYS - LEAST_PLAYS))
        number = min(int(number), len(log_odds) // 2)
        noisy = log_odds + generator.gumbel(size=len(log_odds))
        played = generator.permutation(np.argpartition(-noisy, number)[:number])
        # the better it fits, the more often
        listens = generator.geometric(1 / (1 + 10 * taste.fit[user, played]))
        tables.append(pd.DataFrame({"user": user, "song": played, "n_listens": listens}))
    return pd.concat(tables, ignore_index=True)


def _best(
    generator: np.random.Generator, taste: Taste, plays: pd.DataFrame, held_out: pd.DataFrame
) -> dict[str, float]:
    """HR@10 among 99 songs that the user has not played: by the true odds, and by popularity."""
    played = np.zeros(taste.log_odds.shape, bool)
    played[plays["user"], plays["song"]] = True
    counts = np.bincount(plays["song"], minlength=len(taste.songs))
    hits = np.zeros(2)
    for user, song in zip(held_out["user"], held_out["song"], strict=True):
        others = generator.choice(np.flatnonzero(~played[user]), 99)
        for which, scores in enumerate((taste.log_odds[user], counts)):
            hits[which] += np.count_nonzero(scores[others] >= scores[song]) < 10
    best, popularity = hits / len(held_out)
    return {"true_odds": float(best), "popularity": float(popularity)}


def _write(folder: Path, rows: pd.DataFrame, taste: Taste, order: np.ndarray, shards: int) -> None:
    folder.mkdir(parents=True)
    rows = rows.iloc[order]
    table = pd.DataFrame(
        {
            "user_name": taste.users[rows["user"]],
            "track_id": taste.songs[rows["song"]],
            "n_listens": rows["n_listens"].to_numpy(),
        }
    )
    for shard in range(shards):
        part = table.iloc[len(table) * shard // shards : len(table) * (shard + 1) // shards]
        path = folder / f"part-{shard:05d}-of-{shards:05d}.csv"
        part.to_csv(path, index=False, lineterminator="\n")


def _write_songs(path: Path, taste: Taste) -> None:
    """The genres that a song is of by a fifth or more."""
    names = np.array([f"g{number}" for number in range(GENRES)])
    lists = ["|".join(names[shares >= 0.2]) for shares in taste.genres]
    table = pd.DataFrame({"track_id": taste.songs, "genres": lists})
    table.to_csv(path, index=False, lineterminator="\n")


def _user_names(generator: np.random.Generator, number: int) -> np.ndarray:
    """Names of syllables, all different."""
    syllables = np.array(
        ["ba", "den", "fi", "go", "ka", "lu", "mi", "no", "ra", "sol", "vex", "zan"]
    )
    parts = syllables[generator.integers(len(syllables), size=(number, 3))]
    return np.array([f"{''.join(name)}{index}" for index, name in enumerate(parts)], object)


def _track_ids(generator: np.random.Generator, number: int) -> np.ndarray:
    """Ids that look like those of the Million Song Dataset: TR and 16 letters and digits."""
    letters = _LETTERS[generator.integers(len(_LETTERS), size=(number, 16))]
    ids = np.array(["TR" + "".join(row) for row in letters], object)
    if len(set(ids)) < number:
        raise RuntimeError("two songs have the same id, which is next to impossible")
    return ids


def _check(users: int, songs: int, seed: int, shards: int) -> None:
    for name, value, least in (
        ("users", users, 1),
        ("songs", songs, 120),  # 99 unplayed ones are needed
        ("seed", seed, 0),
        ("shards", shards, 1),
    ):
        if value < least:
            raise SamplingError(f"{name} is {value:,}, expected {least:,} at least")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Makes the embedded data of the songs example.")
    parser.add_argument("--output", required=True, help="folder to make")
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--songs", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shards", type=int, default=4, help="files of each split")
    try:
        print(json.dumps(make_data(**vars(parser.parse_args(arguments))), indent=2))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
