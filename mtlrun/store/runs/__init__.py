"""What a segment holds of each run, how it is written as a table, and how it is read and checked."""
