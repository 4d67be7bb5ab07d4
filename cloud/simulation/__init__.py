"""Runs of the simulator from the operator's page: apart from alerts, and never near a phone."""
