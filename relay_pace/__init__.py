"""A pace that the processes of a fleet share, over Redis.

Public: for applications. It needs the extra ``pace``: ``pip install 'relay-proto[pace]'``.
"""

try:
    from ._shared import SharedPace
except ModuleNotFoundError as error:
    raise ImportError(
        "relay_pace needs limits and redis: pip install 'relay-proto[pace]'", name=error.name
    ) from error

__all__ = ["SharedPace"]
