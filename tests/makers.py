"""Every input function, and every option that changes what it does, for the tests of all."""

from __future__ import annotations

import pytest

MAKERS = {
    "downsample": lambda classes, **options: classes.train(**options),
    "downsample, unshuffled": lambda classes, **options: classes.train(shuffle=False, **options),
    "downsample, small pool": lambda classes, **options: classes.train(
        **{"multiplier": 3.5, "pool_rows": 100} | options
    ),
    "downsample, majority epoch, small pool": lambda classes, **options: classes.train(
        **{"multiplier": 4, "epoch": "majority", "weight": "auto", "pool_rows": 300} | options
    ),
    "weighting, no sampling": lambda classes, **options: classes.train(
        **{"multiplier": "natural", "positive_weight": "balanced"} | options
    ),
    "stratified": lambda classes, **options: classes.stratified(**options),
    "stratified, unshuffled": lambda classes, **options: classes.stratified(
        **{"shuffle": False, "shares": {0: 0.7, 1: 0.3}, "weight": "auto"} | options
    ),
    "stratified, small pool": lambda classes, **options: classes.stratified(
        **{"epoch": "natural", "weight": "auto", "pool_rows": 100} | options
    ),
    "mixed files": lambda classes, **options: classes.mixed(**options),
    "mixed files, small pool": lambda classes, **options: classes.mixed(
        **{"shares": {0: 0.8, 1: 0.2}, "weight": "auto", "pool_rows": 100} | options
    ),
    "resampled": lambda classes, **options: classes.resampled(**{"weight": "inverse"} | options),
    "resampled, unshuffled, small pool": lambda classes, **options: classes.resampled(
        **{"shuffle": False, "pool_rows": 100, "overall_rate": 1.3} | options
    ),
    "test files": lambda classes, **options: classes.test(**options),
    "all": lambda classes, **options: classes.everything(**options),
    "all, shuffled": lambda classes, **options: classes.everything(
        **{"shuffle": True, "pool_rows": 200} | options
    ),
    "fake pairs": lambda classes, **options: classes.pairs(**options),
    "fake pairs, unshuffled": lambda classes, **options: classes.pairs(shuffle=False, **options),
    "fake pairs by user, small pool": lambda classes, **options: classes.pairs(
        **{"fakes": "per_user", "negatives_per_positive": 2.5, "pool_rows": 20} | options
    ),
    "pairs, not for training": lambda classes, **options: classes.pairs(is_train=False, **options),
}
TRAINING = [name for name in MAKERS if name not in ("test files", "pairs, not for training")]
SHUFFLED = [
    "downsample",
    "downsample, small pool",
    "downsample, majority epoch, small pool",
    "weighting, no sampling",
    "stratified",
    "stratified, small pool",
    "mixed files",
    "mixed files, small pool",
    "resampled",
    "all, shuffled",
    "fake pairs",
    "fake pairs by user, small pool",
]
# One of each class and kind of epoch.
ONE_OF_EACH = [
    "downsample, small pool",
    "downsample, majority epoch, small pool",
    "weighting, no sampling",
    "stratified, small pool",
    "mixed files, small pool",
    "resampled, unshuffled, small pool",
    "all, shuffled",
    "fake pairs by user, small pool",
]
# For what is the same whatever the technique: Datasets of every format, going on with Estimators
# and Keras.
SOME = ["downsample, small pool", "mixed files, small pool", "fake pairs by user, small pool"]
# Whose epochs have the same number of rows of each label.
BY_LABEL = [name for name in MAKERS if not name.startswith("resampled")]
FROM_FILES = [name for name in MAKERS if not name.startswith("fake")]
# `classes` fit one round where the pool has its default size.
IN_ONE_ROUND = [name for name in MAKERS if "small pool" not in name and name != "all, shuffled"]


def making(names):
    return pytest.mark.parametrize("make", names, indirect=True)
