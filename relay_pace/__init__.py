"""A pace that the processes of a fleet share, over Redis.

Public: for applications. It needs the extra ``pace``: ``pip install 'relay-proto[pace]'``.
"""

from ._shared import SharedPace

__all__ = ["SharedPace"]
