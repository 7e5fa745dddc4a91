"""The training loop of a cohort: batches, steps, evaluations."""
