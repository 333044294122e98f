"""tf.estimator on any TensorFlow from 2.15 on, and what it lacks.

    import sampling.estimator

    sampling.estimator.install()  # then tf.estimator and tf.compat.v1.estimator are there

That part is usable without the rest of the library. Forwarded features (`forwarding`), heads that
correct for sampling (`head`) and inputs of exports (`serving`) are for Estimators that are trained
by the library's input functions.
"""

from sampling.estimator.installation import install, legacy_keras

__all__ = ["install", "legacy_keras"]
