"""What sampling and weights do to a model's outputs, and how to undo it."""
