"""The names of the wire, under the name that the compatible API gives this module.

Public: for applications, which may also import the names from `relay_sync`.
"""

from relay_proto.constants import *  # noqa: F403 - all of them, and nothing else
