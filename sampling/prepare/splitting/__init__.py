"""Train, dev and test, and a folder for each class.

- `split.py`: rows to shards, in one streaming pass
- `assign.py`: which split, class and shard a row belongs to, the one place that decides it
- `hashing.py`: hashes of keys, by all cores
- `classes.py`: which class a label stands for
- `cuts.py`: sides that all rows decide on: exact shares of classes, or by time
"""
