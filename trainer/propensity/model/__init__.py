"""The classifier of the propensity job: features, canned Estimator, metrics, warm start."""
