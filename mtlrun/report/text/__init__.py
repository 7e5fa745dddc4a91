"""What people read of a report: tables as text cells, and sentences."""
