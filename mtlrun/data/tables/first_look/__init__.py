"""A first look at a table: columns, leaks, advice."""
