"""Several commands on one store: which runs each trains, how far it is, and its end on request."""
