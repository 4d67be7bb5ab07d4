"""From the radio to the uplink: sources, drivers, the edge engine, the outbox."""
