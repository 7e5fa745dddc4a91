"""Reading data sets of the library `datasets` into arrays."""
