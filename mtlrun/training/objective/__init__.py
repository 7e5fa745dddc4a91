"""Losses, metrics, gradients, and the scores of test examples."""
