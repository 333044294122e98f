"""Logs of what users did -> pairs to train a recommender on, and later ones to measure it by.

- `split.py`: rows to shards: read once for what decides, once more to be written
- `sides.py`: which split each row belongs to, by arithmetic on codes
- `comparison.py`: which rows count, such as `rating>=4`
- `adjacency.py`: files with a user and all its items on a line
"""
