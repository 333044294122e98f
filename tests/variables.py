"""Variables of a recommender's model, for tests of its scores and losses."""

import numpy as np
import tensorflow as tf


class Variables:
    """Drawn once by name, so that none is at its zeros.

    Args:
        scale: their standard deviation.
    """

    def __init__(self, scale=1.0):
        self.by_name, self._scale = {}, np.float32(scale)

    def __call__(self, name, shape, initializer):
        if name not in self.by_name:
            drawn = np.random.default_rng(len(self.by_name)).normal(size=shape)
            self.by_name[name] = tf.Variable(drawn.astype(np.float32) * self._scale)
        return self.by_name[name]
