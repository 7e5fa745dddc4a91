"""Memory, precision, cost and width of a cohort."""
