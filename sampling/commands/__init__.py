"""What each command of `tf-sampling` does: `FLAGS`, `run(flags)`, and how to go on after Ctrl-C.

Commands of the training jobs are the trainer's. `raw_files.py` is what the others share.
"""
