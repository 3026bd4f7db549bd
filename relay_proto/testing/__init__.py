"""A world to try clients in: virtual time, an exchange, links, and faults."""
