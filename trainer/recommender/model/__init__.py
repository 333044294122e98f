"""Models of users and items: what is trained, and what is kept and exported of it.

- `networks.py`: the linear one, and those of Neural Collaborative Filtering
- `two_tower.py`: vectors out of ids and features, and a sampled softmax
- `checkpoints.py`: the model that the flags and the job_dir say
- `scorer.py`, `export.py`: scores and lists out of a checkpoint, and as a SavedModel
"""
