"""Bed: who lies in it, who left it, and how the night was."""
