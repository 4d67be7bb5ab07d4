"""`yuyue demo`: the whole hub on one machine, with a small simulated home in it."""
