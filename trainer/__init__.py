"""The training jobs, from the command line to an exported model.

- `task.py`: `python -m trainer.task <job> --mode=train|evaluate|predict ...`, one process
- `launch.py`: `python -m trainer.launch -- <job> ...`, several processes on this machine
- `propensity/`, `classes/`, `recommender/`: the jobs; they do not know each other
- `classification/`, `wide_deep/`: what the first two share, and their default model
- `training/`, `distributed/`, `job_dir/`, `cloud/`: what all share
"""
