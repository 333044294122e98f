"""What tf.estimator lacks: forwarded features, heads that correct for sampling, serving."""
