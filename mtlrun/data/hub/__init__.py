"""Suites of data sets that the library `datasets` reads, from the Hub or from disk."""
