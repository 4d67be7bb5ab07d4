"""What other bodies get of a record and what they send: FHIR R4B and R5, signed bundles."""
