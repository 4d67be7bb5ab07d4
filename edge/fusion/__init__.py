"""What several sensors say of one person, put together."""
