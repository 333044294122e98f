"""A study: what the five commands come to on real files, by their defaults alone."""
