"""Sampling techniques: each file says which rows make up an epoch, and what they are worth."""
