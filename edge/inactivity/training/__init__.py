"""Backtests of the inactivity detector: the only place in edge/inactivity that reads files."""
