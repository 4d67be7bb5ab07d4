"""A scenario's world sent as real devices would send it: over MQTT, and over Bluetooth."""
