"""Studies, cells, runs and cohorts, without torch."""
