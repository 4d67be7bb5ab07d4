"""Training and backtesting of the fall detector: the only place in edge/ that reads files."""
