"""Tables as text cells, below the main one."""
