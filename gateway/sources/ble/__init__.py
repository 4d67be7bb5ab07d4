"""Bluetooth as a source: advertisements heard, and connections to devices that need one.

It opens only with adapters in the settings, and asks BlueZ for everything over D-Bus.
"""

from gateway.sources.ble.options import BleOptions
from gateway.sources.ble.source import BleSource

__all__ = ["BleOptions", "BleSource"]
