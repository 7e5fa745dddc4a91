"""Why sharing helped or hurt."""
