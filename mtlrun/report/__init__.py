"""From a study's stored runs to the tables and pictures that people read. Nothing here imports torch."""
