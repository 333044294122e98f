"""Parquet and Arrow: files whose row groups or record batches are blocks, or pieces of them."""
