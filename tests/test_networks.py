"""GMF, MLP and NeuMF as functions of codes: their losses, features in them, and what is usual."""

from __future__ import annotations

import argparse

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from sampling.command_line.flag import defaults
from sampling.samplers.fake_pairs.vocabulary import Vocabulary
from tests.variables import Variables
from trainer.recommender import usual
from trainer.recommender.catalogue import Catalogue
from trainer.recommender.model.networks import PairNetwork
from trainer.recommender.options import FLAGS

USERS, ITEMS = 5, 8
MODELS = ("gmf", "mlp", "neumf")


def catalogue(**features):
    generator = np.random.default_rng(0)
    vocabularies = [Vocabulary(pa.array(range(size))) for size in (USERS, ITEMS)]
    pairs = np.flatnonzero(generator.random((USERS, ITEMS)) < 0.5)
    return Catalogue(*vocabularies, pairs, np.empty(0, np.int64), **features)


def flags(model, **options):
    given = {"model": model, "factors": 4, "l2": 0.0, **options}
    return argparse.Namespace(**usual.filled({**defaults(FLAGS), **given}))


GROUPS = np.array([[1, 4, 2], [7, 0, 0], [3, 3, 5]])
OF_USERS, WEIGHTS = np.array([0, 2, 4]), np.array([1, 3, 0], np.float32)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fakes", ["per_user", "popularity"])
def test_the_softmax_is_over_each_group_and_makes_up_for_frequent_fakes(model, fakes):
    of, variables, known = flags(model, fakes=fakes), Variables(), catalogue()
    network = PairNetwork(of, known)
    codes = (tf.constant(OF_USERS), USERS), (tf.constant(GROUPS), ITEMS)
    loss = network.loss(variables, *codes, None, tf.constant(WEIGHTS))
    users = tf.constant(OF_USERS.repeat(3))
    scores = network.scores(variables, (users, USERS), (tf.constant(GROUPS.ravel()), ITEMS))
    odds = np.exp(scores.numpy().reshape(3, 3))
    if fakes == "popularity":
        odds /= ((known.popularity + 0.5) ** of.alpha)[GROUPS]
    expected = -np.log(odds[:, 0] / odds.sum(axis=1))
    np.testing.assert_allclose(loss, (expected * WEIGHTS).sum() / 4, rtol=1e-4)
    penalized = PairNetwork(flags(model, fakes=fakes, l2=0.1), known)
    more = penalized.loss(variables, *codes, None, tf.constant(WEIGHTS)) - loss
    squares = 0
    for part in {"gmf": ["gmf"], "mlp": ["mlp"], "neumf": ["gmf", "mlp"]}[model]:
        of_user, of_item = (
            (variables.by_name[f"{part}/{side}"].numpy() ** 2).sum(axis=1)
            for side in ("user", "item")
        )
        squares = squares + of_user[OF_USERS] + of_item[GROUPS].mean(axis=1)
    np.testing.assert_allclose(more, 0.1 * (squares * WEIGHTS).sum() / 4, rtol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_by_cross_entropy_scores_are_log_odds_of_observed_pairs(model):
    variables, known = Variables(), catalogue()
    network = PairNetwork(flags(model, loss="cross_entropy"), known)
    codes = (tf.constant(OF_USERS), USERS), (tf.constant(GROUPS[:, 0]), ITEMS)
    labels = np.array([3, 0, 1])
    loss = network.loss(variables, *codes, tf.constant(labels), tf.constant(WEIGHTS))
    shares = 1 / (1 + np.exp(-network.scores(variables, *codes).numpy()))
    expected = -np.log(np.where(labels > 0, shares, 1 - shares))
    np.testing.assert_allclose(loss, (expected * WEIGHTS).sum() / 4, rtol=1e-4)
    assert "output/bias" in variables.by_name


@pytest.mark.parametrize("model", MODELS)
def test_features_are_added_to_the_vectors_of_ids(model):
    generator = np.random.default_rng(1)
    features = {
        "user_features": generator.normal(size=(USERS, 2)).astype(np.float32),
        "item_features": generator.normal(size=(ITEMS, 3)).astype(np.float32),
    }
    codes = (tf.constant(OF_USERS), USERS), (tf.constant(GROUPS[:, 1]), ITEMS)
    variables, summed = Variables(), Variables()
    found = PairNetwork(flags(model), catalogue(**features)).scores(variables, *codes)
    for name, values in variables.by_name.items():
        if not name.endswith("_features"):
            summed.by_name[name] = values
            weights = variables.by_name.get(f"{name}_features")
            if weights is not None:
                matrix = features[f"{name.split('/')[1]}_features"]
                summed.by_name[name] = tf.Variable(values + matrix @ weights)
    expected = PairNetwork(flags(model), catalogue()).scores(summed, *codes)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert sum(name.endswith("_features") for name in variables.by_name) in (2, 4)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("two_tower", {"loss": "cross_entropy"}, "--loss is cross_entropy, expected softmax"),
        ("neumf", {"fakes": "uniform"}, "--fakes=uniform are of any users"),
        ("gmf", {"negatives": 2.5}, "--negatives is 2.5 and --loss=softmax"),
        ("mlp", {"best_metric": "log_loss"}, "--best_metric is log_loss, which --loss=softmax"),
        ("linear", {"best_metric": "log_loss"}, "expected hr, ndcg, rmse, mae"),
        ("linear", {"item_features": ["items.csv"]}, "learns from ids alone"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        flags(model, **options)


@pytest.mark.parametrize("model", usual.MODELS)
def test_what_is_not_given_suits_the_model(model):
    found = vars(flags(model, factors=None, l2=0.5))
    assert found["l2"] == 0.5 and None not in (found["factors"], found["learning_rate"])
    assert usual.is_grouped(found) == (model in MODELS)
