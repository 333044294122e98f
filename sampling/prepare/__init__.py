"""Raw, mixed files to what training reads: what `tf-sampling split`, `count`, ... do.

- `splitting/`: train, dev and test, and a folder for each class
- `events/`: the same for logs of what users did
- `source.py`: raw files, read in chunks
- `schema.py`, `raw.py`, `dialect.py`: what columns files have, found out by reading them
- `count.py`: rows of each class in each file
- `vocab.py`: the distinct values of a column
- `sample.py`: an epoch of a training, cut into shards
- `unobserved.py`: pairs that were not observed
- `beam.py`, `beam_sample.py`: the same on many machines, by Apache Beam
"""
