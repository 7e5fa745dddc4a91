"""Heads: from a task's features to its outputs."""
