"""How many seeds or test examples a decision needs."""
