"""What training recorded: curves, phases, cost, diagnostics, whether it was long enough."""
