"""Alarms on the spot while the cloud is away: a page on the local network, bells, texts."""
