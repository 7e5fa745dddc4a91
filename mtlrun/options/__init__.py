"""Options: their files, the packages that bring some, their rule, and what a wrong word meant."""
