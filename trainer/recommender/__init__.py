"""The recommender job: which items will a user take up? Options, and a module a mode.

- `catalogue.py`, `features.py`: who and what there is, who has what, and what is known of them
- `inputs.py`, `data_dir.py`: what is read
- `model/`, `measuring/`: what is trained, and how good it is
- `recommend.py`: lists of items for users
"""
