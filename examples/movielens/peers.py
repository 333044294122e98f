"""A trained recommender beside popularity, EASE, and ALS and BPR of the package `implicit`.

    python -m examples.movielens.peers --job-dir=output/movielens/job

Each peer learns from the pairs that the model was trained on. Its settings are those of the best
NDCG on dev, as the model's epoch is. All rank the same held-out items among the same others.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sampling import Schema
from sampling.command_line.ending import say
from sampling.errors import SamplingError
from trainer.job_dir import contents
from trainer.recommender import evaluate, inputs, job
from trainer.recommender.catalogue import Catalogue
from trainer.recommender.measuring import full_ranking
from trainer.recommender.measuring.full_ranking import Users

_ALS = {"factors": (32, 64), "regularization": (10.0, 30.0, 50.0), "alpha": (1.0, 5.0, 10.0)}
_BPR = {"factors": (64,), "regularization": (0.002, 0.01)}


class Factors:
    """A ranker by vectors of users and of items, whose products are scores.

    Args:
        users, items: float32 [users, factors], [items, factors].
    """

    def __init__(self, users: np.ndarray, items: np.ndarray):
        self._users = np.pad(users, ((0, 1), (0, 0)))  # of an unknown user
        self._items = items

    def all_scores(self, users: np.ndarray) -> np.ndarray:
        """float32 [users, items] out of codes [users]."""
        found: np.ndarray = self._users[users] @ self._items.T
        return found

    def of_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """float32 [n, group] of users [n] and items [n, group]; the unknown item comes last."""
        known = np.minimum(items, len(self._items) - 1)
        scores = np.einsum("nf,ngf->ng", self._users[users], self._items[known])
        return np.where(items < len(self._items), scores, -np.inf)


def factorizations(catalogue: Catalogue) -> dict[str, tuple[Callable[..., Any], Any, Any]]:
    """By name: the class, the values of its settings to try, and the pairs as a matrix.

    Raises:
        ImportError: there is no package `implicit`.
    """
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking
    from scipy.sparse import csr_matrix

    users, items = np.divmod(catalogue.trained, len(catalogue.items))
    shape = len(catalogue.users), len(catalogue.items)
    pairs = csr_matrix((np.ones(len(users), np.float32), (users, items)), shape)
    return {
        "ALS": (AlternatingLeastSquares, _ALS, pairs),
        "BPR": (BayesianPersonalizedRanking, _BPR, pairs),
    }


def fitted(make: Callable[..., Any], settings: dict[str, Any], pairs: Any) -> Factors:
    model = make(random_state=0, **settings)
    model.fit(pairs, show_progress=False)
    return Factors(model.user_factors, model.item_factors)


def measure(flags: argparse.Namespace, schema: Schema) -> dict[str, dict[str, float]]:
    """Measures by name, of each peer by its name.

    Raises:
        ImportError: see `factorizations`.
    """
    catalogue = Catalogue.of_job(flags, schema)
    dev, test = (
        inputs.held_out(flags, schema, catalogue, globs)
        for globs in (flags.dev_dir or flags.test_dir, flags.test_dir)
    )
    users = Users.of_pairs(catalogue, test.users, test.items, flags.seed)
    found = {}
    for name, (make, values, pairs) in factorizations(catalogue).items():
        grid = itertools.product(*values.values())
        every = [dict(zip(values, each, strict=True)) for each in grid]
        rankers = [fitted(make, settings, pairs) for settings in every]
        gains = [evaluate.among_negatives(flags, catalogue, dev, each)[1] for each in rankers]
        best = int(np.argmax(gains))
        say(f"{name}: {every[best]}, NDCG@{flags.top} on dev {gains[best]:.4f}")
        hr, ndcg = evaluate.among_negatives(flags, catalogue, test, rankers[best])
        whole = full_ranking.measure(rankers[best], catalogue, users, flags.full_top, name)
        found[name] = {f"hr_at_{flags.top}": hr, f"ndcg_at_{flags.top}": ndcg}
        found[name] |= whole.measures(flags.full_top)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compares a trained recommender with its peers.")
    parser.add_argument("--job-dir", required=True, help="of the recommender, trained")
    try:
        flags = job.resolved({"mode": "evaluate", **vars(parser.parse_args(arguments))})
        own = contents.read_json(flags.job_dir, contents.EVALUATION)
        baselines = [evaluate.POPULARITY, evaluate.EASE]
        figures = {flags.model: own, **{name: own[name] for name in baselines if name in own}}
        try:
            figures |= measure(flags, job.schema_of(flags))
        except ImportError as error:
            say(f"no ALS and BPR: there is no {error.name}; pip install implicit")
        print(evaluate.table(figures, list(own[evaluate.POPULARITY])))
    except SamplingError as error:
        say(f"error: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
