"""Rankings of all items, and the baselines that a recommender is measured beside."""

from __future__ import annotations

import argparse

import numpy as np
import pyarrow as pa
import pytest

from sampling.samplers.fake_pairs.vocabulary import Vocabulary
from trainer.recommender.catalogue import Catalogue
from trainer.recommender.evaluate import RankingFigures
from trainer.recommender.measuring import full_ranking
from trainer.recommender.measuring.baselines import Ease, Popular, gram_matrix
from trainer.recommender.measuring.full_ranking import Users

USERS, ITEMS = 30, 25


@pytest.fixture(scope="module")
def catalogue():
    """Some pairs trained on, and some that are known besides; user 3 has all items but two."""
    generator = np.random.default_rng(0)
    table = generator.random((USERS, ITEMS)) < np.linspace(0.05, 0.6, ITEMS)
    table[3, 2:] = True
    codes = np.flatnonzero(table)
    chosen = generator.random(len(codes)) < 0.8
    ids = [f"i{number}" for number in range(ITEMS)]
    vocabularies = Vocabulary(pa.array(range(100, 100 + USERS))), Vocabulary(pa.array(ids))
    return Catalogue(*vocabularies, codes[chosen], codes[~chosen])


def test_ease_is_a_ridge_regression_of_each_item_on_the_others(catalogue):
    x = np.zeros((USERS, ITEMS))
    x.ravel()[catalogue.trained] = 1
    np.testing.assert_array_equal(gram_matrix(catalogue), x.T @ x)
    weights = np.zeros((ITEMS, ITEMS))
    for item in range(ITEMS):
        others = np.delete(np.arange(ITEMS), item)
        gram = x[:, others].T @ x[:, others] + 7 * np.eye(ITEMS - 1)
        weights[others, item] = np.linalg.solve(gram, x[:, others].T @ x[:, item])
    ease = Ease(catalogue, gram_matrix(catalogue), 7)
    scores = ease.all_scores(np.arange(USERS + 1))
    has_items = x.any(axis=1)
    np.testing.assert_allclose(scores[:-1][has_items], (x @ weights)[has_items], atol=1e-5)
    np.testing.assert_array_equal(scores[-1], catalogue.popularity)  # of an unknown user
    items = np.array([[4, ITEMS, 0]])  # the one in the middle is unknown
    found = ease.of_items(np.array([5]), items)[0]
    np.testing.assert_allclose(found, [scores[5, 4], -np.inf, scores[5, 0]], atol=1e-6)


class Fixed:
    """Scores that are drawn once."""

    def __init__(self):
        self._scores = np.random.default_rng(1).random((USERS + 1, ITEMS)).astype(np.float32)

    def all_scores(self, users):
        return self._scores[users]


def test_recall_ndcg_and_coverage_are_those_of_sorted_lists(catalogue):
    users = np.array([101, 101, 103, 110, 110, 110, 7, 120])  # user 7 is unknown
    items = np.array([b"i3", b"i9", b"i0", b"i1", b"i2", b"i24", b"i5", b"no item"], object)
    found = Users.of_pairs(catalogue, users, items, seed=0)
    ranker, top = Fixed(), 4
    measured = full_ranking.measure(ranker, catalogue, found, top, "fixed")
    recall, ndcg, lists = [], [], []
    for user in np.unique(users):
        code = user - 100 if user >= 100 else USERS
        held_out = {int(i[1:]) if i != b"no item" else ITEMS for i in items[users == user]}
        known = set(catalogue.pairs[catalogue.pairs // ITEMS == code] % ITEMS) - held_out
        scores = ranker.all_scores(np.array([code]))[0]
        ranked = [i for i in np.argsort(-scores) if i not in known][:top]
        hits = [place for place, item in enumerate(ranked) if item in held_out]
        recall.append(len(hits) / len(held_out))
        best = sum(1 / np.log2(place + 2) for place in range(min(top, len(held_out))))
        ndcg.append(sum(1 / np.log2(place + 2) for place in hits) / best)
        lists += ranked
    np.testing.assert_allclose(measured.recall, recall)
    np.testing.assert_allclose(measured.ndcg, ndcg)
    assert measured.coverage == len(set(lists)) / ITEMS
    assert 0 < np.mean(recall) < 1
    measures = measured.measures(top)
    assert measures["full_recall_at_4"] == pytest.approx(np.mean(recall))


def test_of_many_users_some_are_drawn(catalogue, monkeypatch):
    monkeypatch.setattr(full_ranking, "MOST_USERS", 5)
    users, items = np.arange(100, 120).repeat(2), np.array([b"i1", b"i2"] * 20, object)
    found = Users.of_pairs(catalogue, users, items, seed=0)
    assert len(found.codes) == 5 and found.first.tolist() == [0, 2, 4, 6, 8, 10]
    assert found.items.tolist() == [1, 2] * 5
    measured = full_ranking.measure(Popular(catalogue), catalogue, found, 3, "popularity")
    assert len(measured.recall) == 5


def test_a_model_that_is_no_better_than_a_baseline_is_warned_of(catalogue, capsys):
    flags = argparse.Namespace(top=10, full_top=20)
    model = {"ndcg_at_10": 0.3, "full_ndcg_at_20": 0.1}
    figures = {"gmf": model, "popularity": {**model, "full_ndcg_at_20": 0.09}, "ease": model}
    users = Users.of_pairs(catalogue, np.array([101]), np.array([b"i1"], object), 0)
    RankingFigures(flags, catalogue, users, figures, {}, 1).warn()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "no better than popularity" in lines[0] and "NDCG@10 0.3000 against 0.3000" in lines[0]
    assert "NDCG@20" not in lines[0] and "NDCG@20 of all items 0.1000 against 0.1000" in lines[1]
