"""The two-tower model: its loss beside the full softmax, features as numbers, and cold items."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf

from sampling.__main__ import main
from sampling.samplers.fake_pairs.vocabulary import Vocabulary
from tests.variables import Variables
from trainer.recommender.catalogue import Catalogue
from trainer.recommender.features import Features
from trainer.recommender.model.two_tower import TwoTower, log_probabilities

USERS, ITEMS, WIDTH = 6, 9, 3


@pytest.fixture(scope="module")
def catalogue():
    """A small one; nobody has the last item."""
    generator = np.random.default_rng(0)
    table = generator.random((USERS, ITEMS)) < 0.5
    table[:, -1] = False
    table[0, :-1] = True
    vocabularies = [Vocabulary(pa.array(range(size))) for size in (USERS, ITEMS)]
    features = [generator.normal(size=(size, WIDTH)).astype(np.float32) for size in (USERS, ITEMS)]
    return Catalogue(*vocabularies, np.flatnonzero(table), np.empty(0, np.int64), *features)


def flags(**options):
    usual = {"factors": 4, "softmax_negatives": 200_000, "l2": 0.0, "alpha": 0.75}
    return argparse.Namespace(**{**usual, **options})


def test_items_are_drawn_with_the_probabilities_that_the_loss_divides_by(catalogue):
    """Chi-square with 7 degrees of freedom: above 24.3 once in a thousand."""
    log_q = TwoTower(flags(), catalogue).log_q
    counts = catalogue.popularity
    expected = counts**0.75 / (counts**0.75).sum()
    np.testing.assert_allclose(np.exp(log_q), expected, rtol=1e-5)
    draws = 100_000
    drawn = tf.random.stateless_categorical(log_q[np.newaxis], draws, seed=[1, 2])[0]
    found = np.bincount(drawn.numpy(), minlength=ITEMS)
    assert found[-1] == 0 == expected[-1]
    some = expected > 0
    chi_square = ((found - draws * expected)[some] ** 2 / (draws * expected[some])).sum()
    assert chi_square < 24.3
    assert np.isneginf(log_probabilities(np.array([0, 3]), 0.5)).tolist() == [True, False]


def test_the_loss_and_its_gradient_tend_to_those_of_the_full_softmax(catalogue):
    tf.random.set_seed(3)
    users, items = np.array([0, 1, 2, 3, 0]), np.array([1, 4, 7, 0, 2])
    weights = np.array([1, 2, 0.5, 1, 1], np.float32)
    model, variables = TwoTower(flags(), catalogue), Variables(0.5)
    codes = (tf.constant(users), USERS), (tf.constant(items), ITEMS)
    with tf.GradientTape() as tape:
        loss = model.loss(variables, *codes, None, tf.constant(weights))
    gradients = tape.gradient(loss, list(variables.by_name.values()))
    seen = np.arange(ITEMS - 1)  # an item that nobody has is never drawn
    with tf.GradientTape() as tape:
        pairs = [np.repeat(np.arange(USERS), len(seen)), np.tile(seen, USERS)]
        every = model.scores(variables, (pairs[0], USERS), (pairs[1], ITEMS))
        likelihood = tf.nn.log_softmax(tf.reshape(every, [USERS, len(seen)]))
        chosen = tf.gather_nd(likelihood, np.stack([users, items], axis=1))
        full = -tf.reduce_sum(chosen * weights) / weights.sum()
    expected = tape.gradient(full, list(variables.by_name.values()))
    np.testing.assert_allclose(loss, full, rtol=0.01)
    for found, exact in zip(gradients, expected, strict=True):
        exact = tf.convert_to_tensor(exact).numpy()
        np.testing.assert_allclose(
            tf.convert_to_tensor(found), exact, atol=0.03 * np.abs(exact).max()
        )


def test_features_are_numbers_by_their_kinds(tmp_path):
    table = pd.DataFrame(
        {
            "song": [f"s{number}" for number in range(40)],
            "year": [*range(1960, 1999), None],
            "genres": ["rock|pop", "pop", ""] * 13 + ["rock"],
            "label_id": [f"x{number}" for number in range(40)],
            "out": ["2001-01-01", "2002-01-01"] * 20,
        }
    )
    table.to_csv(tmp_path / "songs.tsv", sep="\t", index=False)
    features = Features([str(tmp_path / "songs.tsv")], "song", False, {"genres": "|"})
    assert features.ids.tolist() == [song.encode() for song in table["song"]]
    found = features.matrix(np.array([b"s0", b"s39", b"none", b"s38"], object))
    every = features.matrix(features.ids)
    assert every.dtype == np.float32 and found[2].tolist() == [0] * found.shape[1]
    assert every.shape[1] == (1 + 10) + 2 + (1 + 2)  # years and tenths, genres, dates
    year, tenths = every[:, 0], every[:, 1:11]
    np.testing.assert_allclose(year[:39].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(year[:39].std(), 1, atol=1e-6)
    assert tenths[:39].sum(axis=1).tolist() == [1] * 39 and tenths[39].sum() == year[39] == 0
    assert every[:3, 11:13].tolist() == [[1, 1], [1, 0], [0, 0]]  # pop, rock


@pytest.mark.filterwarnings("ignore")
def test_items_that_nobody_has_are_placed_by_their_features(tmp_path, monkeypatch, capsys):
    """Users like one of four genres; a fifth of the items is left out of training."""
    monkeypatch.setattr("warnings.filterwarnings", lambda *_, **__: None)
    generator = np.random.default_rng(0)
    genres = np.arange(100) % 4
    pairs = [
        (user, item)
        for user in range(80)
        for item in range(100)
        if generator.random() < (0.4 if genres[item] == user % 4 else 0.02)
    ]
    log = pd.DataFrame(pairs, columns=["user", "item"]).sample(frac=1, random_state=0)
    log[log["item"] < 80].to_csv(tmp_path / "log.csv", index=False)
    items = pd.DataFrame({"item": range(100), "genre": [f"g{genre}" for genre in genres]})
    items.to_csv(tmp_path / "items.csv", index=False)
    job = f"--job-dir={tmp_path / 'job'}"
    main(["split", str(tmp_path / "log.csv"), "--leave-one-out=user", f"--output={tmp_path}/data"])
    given = ["--model=two_tower", f"--item-features={tmp_path / 'items.csv'}", "--num-epochs=5"]
    given += ["--softmax-negatives=64", "--learning-rate=0.03"]
    main(["train", "recommender", job, f"--data-dir={tmp_path}/data", *given])
    measured = json.loads((tmp_path / "job/evaluation.json").read_text())
    main(["evaluate", "recommender", job, f"--data-dir={tmp_path}/data"])
    again = json.loads((tmp_path / "job/evaluation.json").read_text())
    assert again["full_ndcg_at_20"] == pytest.approx(measured["full_ndcg_at_20"])
    main(["train", "recommender", job, f"--data-dir={tmp_path}/data", *given])
    assert "trained to its end" in capsys.readouterr().err
    assert measured["ndcg_at_10"] > 1.2 * measured["popularity"]["ndcg_at_10"]
    main(["predict", "recommender", job, "--top=100"])
    lines = (tmp_path / "job/recommendations.jsonl").read_text().splitlines()
    first = []
    for each in map(json.loads, lines):
        cold = [item for item in each["item"] if item >= 80]
        assert len(cold) == 20
        first.append(np.mean([genres[item] == each["user"] % 4 for item in cold[:5]]))
    assert np.mean(first) > 0.9  # by chance a quarter
