"""Actions, which are in `call`: a call and its actions know each other.

Public: for applications, which may also import the names from `relay_anyio`.
"""

from .call import *  # noqa: F403 - what is listed there
