"""Models of users and items: what is trained, and what is kept and exported of it.

- `ids.py`, `vectors.py`: ids as codes, and vectors of ids and features
- `networks.py`: those of Neural Collaborative Filtering, by cross-entropy or a softmax of groups
- `two_tower.py`: vectors alone, and a sampled softmax
- `losses.py`: what training minimizes
- `estimators.py`, `checkpoints.py`: the model that the flags and the job_dir say
- `scorer.py`, `export.py`: scores and lists out of a checkpoint, and as a SavedModel
"""
