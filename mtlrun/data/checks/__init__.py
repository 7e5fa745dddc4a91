"""Checks of a suite's data before anything trains."""
