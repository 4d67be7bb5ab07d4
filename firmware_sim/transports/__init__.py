"""How simulated devices reach the gateway: the same radios and brokers as real ones."""
