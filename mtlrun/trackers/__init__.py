"""Experiment trackers: MLflow, TensorBoard, Weights & Biases, written from stored results after training."""
