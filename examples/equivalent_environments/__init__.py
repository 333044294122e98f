"""Four ways to train on lopsided data that come to the same decisions."""
