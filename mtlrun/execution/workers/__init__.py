"""Training in processes of this machine."""
