"""A page on predictions whose labels are known."""
