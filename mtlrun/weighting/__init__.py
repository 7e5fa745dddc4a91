"""Task weightings, one a file."""
