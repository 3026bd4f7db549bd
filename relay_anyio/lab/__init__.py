"""The phone lab: a page and an HTTP API before the simulator."""
