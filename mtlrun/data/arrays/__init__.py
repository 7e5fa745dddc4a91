"""Suites made of arrays: in memory, given from Python, or in an .npz file."""
