"""The trainer with negatives drawn from all items, observed or not: what exactness is worth.

    python -m examples.movielens.naive_negatives --mode=train ...  (the flags of the recommender)

A user who has rated 500 of 3,706 items gets 13 % of such negatives wrong, and they are the very
items that the user likes.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from sampling import InputFnWithFakePairs


class NaivePairs(InputFnWithFakePairs):
    """Its "unobserved" pairs are all pairs."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        candidates = self.sampler.candidates
        candidates.known = candidates.known._replace(codes=np.empty(0, np.int64))
        for made_of_codes in ("_unobserved", "can_draw"):
            candidates.__dict__.pop(made_of_codes, None)


def main() -> None:
    from trainer import task
    from trainer.recommender import inputs

    inputs.TRAINING_INPUT = NaivePairs
    task.main(["recommender", *sys.argv[1:]])


if __name__ == "__main__":
    main()
