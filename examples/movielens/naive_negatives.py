"""The trainer with negatives drawn from all items, observed or not: what exactness is worth.

    python -m examples.movielens.naive_negatives --mode=train ...  (the flags of the recommender)

A user who has rated 500 of 3,706 items gets 13 % of such negatives wrong, and they are the very
items that the user likes.
"""

from __future__ import annotations

import functools
import sys

import numpy as np

from sampling import InputFnWithFakePairs
from sampling.samplers.fake_pairs.candidates import Candidates


class NaivePairs(InputFnWithFakePairs):
    """Its "unobserved" pairs are all pairs."""

    @functools.cached_property
    def _candidates(self) -> Candidates:
        candidates = super()._candidates
        candidates.known = candidates.known._replace(codes=np.empty(0, np.int64))
        candidates.__dict__.pop("_unobserved", None)  # what was made of the codes before
        candidates.__dict__.pop("can_draw", None)
        return candidates


def main() -> None:
    from trainer import task
    from trainer.recommender import inputs

    inputs.TRAINING_INPUT = NaivePairs
    task.main(["recommender", *sys.argv[1:]])


if __name__ == "__main__":
    main()
