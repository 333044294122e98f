"""`InputFn`: files and a schema -> batches for Estimators, Keras and numpy.

- `input_fn.py`, `options.py`: what all input functions are and take
- `downsample.py`, `stratified.py`, `resample.py`, `fake_pairs.py`: a constructor for each technique
- `stream/`: what a call does: reader, chunks, epochs, iterations
- `datasets.py`, `elements.py`: batches -> a Dataset as Estimators and as Keras want it
- `cluster.py`: which of many workers this process is
- `description.py`: what an input function says of itself
- `writing/`: an epoch as files
"""
