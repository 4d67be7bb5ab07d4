"""People who do not exist: how they lie, sit, walk, reach and fall, as a worn sensor feels it."""
