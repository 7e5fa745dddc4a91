"""Inputs at random for every command, and what must hold of how each ends."""
