"""What the Bluetooth source and the Bluetooth drivers both know. Pure: no I/O, no clock."""
