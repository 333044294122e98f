"""Rows written to files: an epoch as it is, and tables in shards with a manifest."""
