"""Parties: the numbers and addresses in what describes a device."""

from __future__ import annotations

from typing import Any

from ..rpc.frames import JSONObject, is_object


def party(device: object, *names: str) -> str:
    """Return the first text that the parameters of `device` have under these names, or ``""``.

    A device may be of a kind that only the server knows, and look like anything.
    """
    params: Any = device.get("params") if is_object(device) else None
    if is_object(params):
        for name in names:
            if isinstance(params.get(name), str):
                return str(params[name])
    return ""


def who_begins(params: JSONObject) -> str:
    """Who begins this dial or text, and takes turns with the others.

    That is the context of a text, and the number from which a dial calls first.
    """
    if "devices" not in params:
        return str(params["context"])
    first: Any = params["devices"][0][0]
    return party(first, "from_number", "from")
