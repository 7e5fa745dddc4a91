"""From stored runs to tables. Nothing here imports torch."""
