"""Trained models: saved weights, export, predictions."""
