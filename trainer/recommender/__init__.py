"""The recommender job: which items will a user take up? Options, and a module a mode."""
