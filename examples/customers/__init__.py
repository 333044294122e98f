"""Which customers will buy the extra: an ordinary CSV file, with what real ones have."""
