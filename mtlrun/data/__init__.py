"""Suites: tasks trained together, with their data as NumPy arrays. Nothing here imports torch."""
