"""Suites of tables: files with a row for each example and a column for each input and target."""
