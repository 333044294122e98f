"""How good rankings are.

- `ranking.py`: held-out items among negatives drawn for their users
- `full_ranking.py`: held-out items among all items
- `baselines.py`: popularity, and EASE
- `reporting.py`: the page on an evaluation
"""
