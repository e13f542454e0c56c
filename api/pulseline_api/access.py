"""Who may ask: the Host and Origin checks that keep foreign web pages out.

A browser lets any page send requests to ``127.0.0.1``. Two headers that the page can not forge tell it apart:

* ``Host`` names whom the browser believes it talks to. A page that rebinds its own name to our address (the attack
  of GHSA-v9fg-6g9j-h4x4) still sends its own name, so only names of this server are answered, on every path.
* ``Origin`` names the page itself. Whatever is not a read is refused from origins other than this server's and the
  ActivityWatch browser extension's. A read may come from anywhere: without CORS headers no page sees the answer.

Requests without ``Origin`` come from programs, which this check is not about.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

from flask import request
from werkzeug.exceptions import BadRequest, Forbidden

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

#: Addresses to listen on that name every interface of the machine.
_WILDCARDS: Final = frozenset({"0.0.0.0", "[::]", ""})  # noqa: S104 (compared with, not bound to)

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]/@]+)(?::(\d{1,5}))?", re.ASCII)

_ORIGIN: Final = re.compile(r"(https?)://([^/]+)", re.ASCII)

#: aw-watcher-web: Chrome's id of it, and Firefox, which gives each installation its own (aw-server-rust 0.14.0).
_EXTENSION: Final = re.compile(r"moz-extension://[^/]+|chrome-extension://nglaklhklhcoonedhgnpgddginnjdadi", re.ASCII)

_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Access:
    """The names under which this server answers, and the checks that follow from them.

    Args:
        host: the address that the server listens on. Listening on every interface admits every address and the
            machine's own name: an address can not be rebound, only a name can.
    """

    def __init__(self, host: str) -> None:
        bound = _bracket(host.lower())
        self._admits_addresses = bound in _WILDCARDS
        own = {socket.gethostname().lower()} if self._admits_addresses else {bound}
        self._names = _LOOPBACK | own | {f"{name}.local" for name in own if self._admits_addresses}

    def check_request(self) -> None:
        """Raise ``BadRequest`` or ``Forbidden`` for a request that a foreign page may have caused."""
        environ = request.environ
        host = environ.get("HTTP_HOST", "")
        if not self.is_own(host):
            raise BadRequest(f"Host header is invalid (was {host[:256]!r})")
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and environ["REQUEST_METHOD"] not in _READS and not self.is_friendly(origin, host):
            raise Forbidden(f"Origin {origin[:256]!r} may not change anything here")

    def is_own(self, host: str) -> bool:
        """Return whether a ``Host`` header names this server; the port does not matter."""
        match = _HOST.fullmatch(host.lower())
        if match is None:
            return False
        name = match[1].removesuffix(".")
        return name in self._names or (self._admits_addresses and _is_address(name))

    def is_friendly(self, origin: str, host: str) -> bool:
        """Return whether ``origin`` is a page of this server (at the port in ``host``), or the browser extension."""
        if _EXTENSION.fullmatch(origin) is not None:
            return True
        match = _ORIGIN.fullmatch(origin)
        if match is None or not self.is_own(match[2]):
            return False
        return _get_port(match[2], scheme=match[1]) == _get_port(host, scheme="http")


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _get_port(host: str, *, scheme: str) -> str:
    match = _HOST.fullmatch(host.lower())
    return match[2] if match is not None and match[2] is not None else _DEFAULT_PORTS[scheme]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
