"""Benchmarks: the vendor's client, ours, and a minimal program, with the same server."""
