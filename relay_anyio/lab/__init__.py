"""The phone lab: a page and an HTTP API before the simulator.

``relay sim`` serves them. docs/lab.md describes them.
"""
