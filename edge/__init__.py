"""What the signals mean: streaming detection in pure numpy, no I/O and no clock."""
