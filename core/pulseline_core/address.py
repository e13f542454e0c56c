"""Addresses that servers listen on, as their clients see them."""

from __future__ import annotations

import ipaddress
from typing import Final

#: Addresses that mean "every interface" to a server, and the one that reaches it from the same machine.
_EVERY_INTERFACE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - looked up, not bound


def reach(host: str) -> str:
    """Return the address under which a server bound to ``host`` is reached from the same machine."""
    return _EVERY_INTERFACE.get(host, host)


def is_loopback(host: str) -> bool:
    """Return whether what listens on ``host`` is reached from the same machine alone; a name may mean anything."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
