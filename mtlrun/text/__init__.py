"""Text as it leaves the program: words for numbers, and names that nobody has checked made harmless."""
