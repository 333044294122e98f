"""tf.estimator on any TensorFlow from 2.15 on; usable without the rest of the library.

import sampling.estimator

sampling.estimator.install()  # then tf.estimator and tf.compat.v1.estimator are there
"""

from sampling.estimator.installation import install, legacy_keras

__all__ = ["install", "legacy_keras"]
