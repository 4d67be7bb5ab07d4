"""Devices, people and buildings that do not exist, over real transports."""
