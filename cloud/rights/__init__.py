"""What somebody may ask of what is kept about them: a copy of all of it, and that it goes."""
