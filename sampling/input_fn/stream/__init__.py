"""The stream of an input function: endless chunks of rows from a place that can be saved."""
