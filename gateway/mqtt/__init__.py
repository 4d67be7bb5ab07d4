"""What source and drivers both know of other people's MQTT: pure, like gateway/ble."""
