"""Pure functions over arrays of shape (seeds, tasks). A cell is one seed's value; NaN marks a seed without one."""
