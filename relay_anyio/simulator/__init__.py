"""The simulator: an `Exchange` behind real TLS sockets, for any RELAY client.

It stands in for the service on a developer's machine: ``relay sim`` runs it.
"""

from .certificates import Authority
from .scenario import Callers, Scenario
from .server import Simulator

__all__ = ["Authority", "Callers", "Scenario", "Simulator"]
