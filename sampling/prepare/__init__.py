"""Raw, mixed files to what training reads: what `tf-sampling split`, `count`, ... do.

- `assign.py`: which split, class and shard a row belongs to, the one place that decides it
- `classes.py`: which class a label stands for
- `cuts.py`: sides that all rows decide on: exact shares of classes, or by time
- `kept.py`: rows as they are written again, with the fields that they have in their files
- `source.py`: raw files, read in chunks
- `split.py`: train, dev, test and a folder for each class, in one streaming pass
- `count.py`: rows of each class in each file
- `vocab.py`: the distinct values of a column
- `sample.py`: an epoch of a training, cut into shards
- `unobserved.py`: pairs that were not observed
- `beam.py`, `beam_sample.py`: the same on many machines, by Apache Beam
"""
