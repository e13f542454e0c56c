"""Addresses to listen on, taken before anybody listens there.

A socket that is bound, and not listening, refuses connections but keeps the address. Whoever inherits it begins to
listen; from then on connections wait in the kernel for as long as any process has the socket open, also while the one
that answers them is started again.

A service manager may have taken them, as systemd does for a socket unit: it keeps them open even while there is no
process of ours at all (sd_listen_fds(3)).
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Container
from contextlib import ExitStack
from typing import Final

from pulseline_core.errors import ConfigError, InvalidSetting, NotPermitted, PortInUse

_ADDRESS_PROBLEMS: Final = {
    errno.EADDRNOTAVAIL: "is no address of this machine",
    errno.EAFNOSUPPORT: "is of a kind that this machine does not have",
}


#: Where a service manager puts the first of its sockets.
FIRST_DESCRIPTOR: Final = 3


def bind(host: str, port: int, *, setting: str) -> list[socket.socket]:
    """Return a bound socket for each address of ``host``, the service manager's if it has one; the caller closes them.

    Args:
        host: a name or an address.
        port: 0 is any free one.
        setting: the name of the setting that ``host`` is, for errors.

    Raises:
        PortInUse: another program listens there.
        NotPermitted: the port needs more rights.
        InvalidSetting: the host is no address of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise InvalidSetting(setting, f"is {host!r}, which no address is known of") from error
    addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
    with ExitStack() as undo:
        try:
            taken = _take_from_manager({address for _, address in addresses})
            bound = [
                undo.enter_context(taken.get(address) or _bind_one(family, address)) for family, address in addresses
            ]
        except OSError as error:
            raise map_error(error, host, port, setting=setting) from error
        undo.pop_all()
    return bound


def _take_from_manager(addresses: Container[tuple[object, ...]]) -> dict[tuple[object, ...], socket.socket]:
    """Return those of the service manager's sockets that are bound to one of the addresses."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):  # they are for another process, or there are none
        return {}
    found: dict[tuple[object, ...], socket.socket] = {}
    for descriptor in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(os.environ.get("LISTEN_FDS", "0"))):
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            continue
        passed = socket.socket(fileno=os.dup(descriptor))
        if passed.getsockname() in addresses:
            found[passed.getsockname()] = passed
        else:
            passed.close()
    return found


def map_error(error: OSError, host: str, port: int, *, setting: str) -> ConfigError:
    """Return what to tell the user when ``bind``, or ``listen`` on what it returned, fails."""
    if error.errno == errno.EADDRINUSE:
        return PortInUse(host, port)
    problem = _ADDRESS_PROBLEMS.get(error.errno or 0)
    if problem is not None:
        return InvalidSetting(setting, f"is {host!r}, which {problem}")
    return NotPermitted(f"{host}:{port}", error.strerror or str(error))


def _bind_one(family: int, address: tuple[object, ...]) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
