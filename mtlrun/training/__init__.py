"""The lane engine."""
