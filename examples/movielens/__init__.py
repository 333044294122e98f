"""Neural Collaborative Filtering on MovieLens, by the protocol of the paper. See README.md."""
