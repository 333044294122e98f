"""`InputFn`: files and a schema -> batches for Estimators, Keras and numpy."""
