"""HTML: one self-contained page with tables and interactive figures."""
