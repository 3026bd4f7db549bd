"""Observing: what a client does, told to somebody who writes it down elsewhere."""
