"""Rows in memory: tables as numpy columns, chunks gathered from rounds, batches."""
