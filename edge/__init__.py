"""What the signals mean: streaming detection in pure numpy and scipy, no I/O and no clock."""
