"""File formats: files of one class, cut into blocks of rows that are read as tables.

- `registry.py`, `magic.py`: which format files are in; enter here for another one
- `base.py`: what the blocks of all formats share
- `csv/`, `tfrecord/`, `columnar/` (Parquet, Arrow), `table.py`: a format each
- `packed.py`: files in gzip, bzip2, xz and Zstandard; `mixed.py`: files of several classes
- `values/`: what stands in files -> values of a schema's types
- `kept.py`, `writing.py`: rows as they are written again
"""
