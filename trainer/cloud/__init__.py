"""Vertex AI: the folders that it names, and what it is asked for."""
