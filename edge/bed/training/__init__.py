"""Learning and measuring on recordings; not used while watching."""
