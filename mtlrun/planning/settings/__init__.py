"""Settings of how a study is trained and kept, which are no part of a run's id."""
