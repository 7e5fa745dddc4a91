"""Mitigations against the Pareto front of fixed weights."""
