"""A vector for each user or item: e + F W, of the id and of the features F."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

Variable = Callable[[str, list[int], Any], Any]  # name, shape, initializer -> variable
Codes = tuple[Any, int]  # [batch], and how many there are


def of_codes(
    variable: Variable, name: str, codes: Codes, width: int, start: float, features: np.ndarray
) -> tf.Tensor:
    """float32 [batch, width]

    Args:
        variable: makes or finds one; those of the features are called `name`_features.
        start: the standard deviation of e where it is made.
        features: float32 [size, features], of which there may be none.
    """
    numbers, size = codes
    initializer = tf.random_normal_initializer(stddev=start) if start else tf.zeros_initializer()
    found = tf.nn.embedding_lookup(variable(name, [size, width], initializer), numbers)
    if features.shape[1]:
        uniform = tf.compat.v1.glorot_uniform_initializer()  # seeded by the graph
        weights = variable(f"{name}_features", [features.shape[1], width], uniform)
        found += tf.gather(features, numbers) @ weights
    return found
