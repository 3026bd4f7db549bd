"""The simulator: an `Exchange` behind real TLS sockets, for any RELAY client.

``relay sim`` runs it on a developer's machine, in place of the service.
"""

from .certificates import Authority
from .scenario import Callers, Scenario
from .server import Simulator

__all__ = ["Authority", "Callers", "Scenario", "Simulator"]
