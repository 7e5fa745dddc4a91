"""The store: every finished run as a row of an append-only set of Parquet segments."""
