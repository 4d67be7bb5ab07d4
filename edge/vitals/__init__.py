"""Vital signs: from a bed motion signal, and measured ones against this person's bands."""
