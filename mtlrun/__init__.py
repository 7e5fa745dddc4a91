"""Experiment runner for negative-transfer studies in multi-task learning."""

__version__ = "0.1.0"
