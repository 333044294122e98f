"""Observed pairs of users and items, and unobserved ones made up in memory."""
