"""What all jobs train with: flags, hooks, the best checkpoint, plain errors, exported models."""
