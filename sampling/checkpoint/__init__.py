"""Where the input is, saved beside a model's checkpoints, for Estimators, Keras and clusters."""
