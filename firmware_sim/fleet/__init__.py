"""Thousands of simulated devices from one process: what a hub must bear, not what a body does."""
