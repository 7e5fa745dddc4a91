"""What planning a study needs torch for: checks, controls, estimates, predictions of theory."""
