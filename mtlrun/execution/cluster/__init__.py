"""Training on the machines of a cluster: cohorts are its jobs, which write into the store's shared folder."""
