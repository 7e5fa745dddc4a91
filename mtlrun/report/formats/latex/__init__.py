"""LaTeX: tables for a paper, which fit its page."""
