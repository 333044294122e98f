"""What the jobs of classification share: a training's steps, its checkpoints, what is evaluated."""
