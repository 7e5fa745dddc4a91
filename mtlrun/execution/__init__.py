"""Who trains cohorts, and where."""
