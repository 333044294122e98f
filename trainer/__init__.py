"""What a training job runs: `python -m trainer.task <job> --mode=train|evaluate|predict ...`."""
