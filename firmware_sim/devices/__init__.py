"""What a device is made of: its samples, its memory, its messages."""
