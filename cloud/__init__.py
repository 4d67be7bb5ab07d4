"""From the uplink to the person: FastAPI on PostgreSQL, in slices by domain."""
