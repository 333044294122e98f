"""CSV text: where its rows begin, what they hold, and why a row can't be read."""
