"""A trained recommender as a SavedModel that scores pairs and ranks items."""

from __future__ import annotations

import tensorflow as tf

from trainer.recommender.model.scorer import Scorer


def export(scorer: Scorer, directory: str) -> None:
    """Writes a SavedModel, which holds the vocabularies and the known pairs too. Its signatures:

    - `serving_default`: user and item, ids [batch], under the names of their columns ->
      "prediction" [batch]: a score between 0 and 1, or the label of a linear model;
    - `rank`: users, ids [batch], "top", how many, and "exclude_known", whether to leave out what a
      user has -> the items, ids [batch, n], under the name of their column, the best first, and
      "prediction" [batch, n]; n is top, or what there is. "count" [batch] of them are there; the
      others of a row are of no meaning.

    Unknown users are ranked for by popularity. Scores order the items of a user. By cross-entropy
    a score is the probability that a pair is an observed one, among the pairs of training, most of
    which were made up. By a softmax it is no probability.
    """
    tf.saved_model.save(scorer, directory, {"serving_default": scorer.score, "rank": scorer.rank})
