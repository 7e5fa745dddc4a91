"""What training must come to, worked out without training: numpy only."""
