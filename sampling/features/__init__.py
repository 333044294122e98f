"""Columns by their kind -> a matrix of numbers and one of codes, the same in training and export.

In reading order: `columns` (the constants), `measuring` (rows and statistics -> constants),
`dates`, `encoding` (a batch and constants -> what a network takes).
"""
