"""Room and home: bathroom, doors, zones, climate, smoke, gas and water."""
