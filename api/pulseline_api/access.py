"""Who may ask: the Host and Origin checks that keep foreign web pages out.

A browser lets any page send requests to ``127.0.0.1``. Headers that the page can not forge tell it apart:

* ``Host`` names whom the browser believes it talks to. A page that rebinds its own name to our address (the attack
  of GHSA-v9fg-6g9j-h4x4) still sends its own name, so only names of this server are answered, on every path.
* ``Origin`` names the page itself; a script's request to another site has it, and so has every write. Whatever comes
  with an origin that is not a friend's is refused, reads as well: the page could not see the answer, but would have
  this server make it.
* ``Sec-Fetch-Site`` and ``Sec-Fetch-Mode`` tell of what has no origin: an image or a script tag of another site. That
  is refused, too. A link that somebody follows is not: it shows the answer to the person, not to the page.

Requests without these headers come from programs, which this check is not about.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
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

#: Where those who work on aw-webui have it served; friends in testing mode.
DEVELOPMENT_ORIGINS: Final = frozenset({"http://127.0.0.1:27180", "http://localhost:27180"})

_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}

#: Another port of this machine is the same site, but not the same page.
_OTHER_SITES: Final = frozenset({"cross-site", "same-site"})

#: In the request's environment: the origin that may see the answer.
_FRIEND: Final = "pulseline.friendly_origin"


class Access:
    """The names under which this server answers, its friends, and the checks that follow from them.

    Args:
        host: the address that the server listens on. Any loopback address names it as well, and listening on every
            interface admits every address and the machine's own name: an address can not be rebound, only a name can.
        origins: friends beside the server's own pages and ActivityWatch's browser extension.
    """

    def __init__(self, host: str, origins: Iterable[str] = ()) -> None:
        bound = _bracket(host.lower())
        self._admits_addresses = bound in _WILDCARDS
        own = {socket.gethostname().lower()} if self._admits_addresses else {bound}
        self._names = _LOOPBACK | own | {f"{name}.local" for name in own if self._admits_addresses}
        self._origins = frozenset(origins)

    def check_request(self) -> None:
        """Raise ``BadRequest`` or ``Forbidden`` for a request that a foreign page may have caused."""
        environ = request.environ
        host = environ.get("HTTP_HOST", "")
        if not self.is_own(host):
            raise BadRequest(f"Host header is invalid (was {host[:256]!r})")
        origin = environ.get("HTTP_ORIGIN")
        if origin is None:
            if environ.get("HTTP_SEC_FETCH_MODE") == "no-cors" and environ.get("HTTP_SEC_FETCH_SITE") in _OTHER_SITES:
                raise Forbidden("pages of other sites may not use this")
        elif self.is_friendly(origin, host):
            environ[_FRIEND] = origin
        else:
            raise Forbidden(f"Origin {origin[:256]!r} may not ask here")

    def is_own(self, host: str) -> bool:
        """Return whether a ``Host`` header names this server; the port does not matter."""
        match = _HOST.fullmatch(host.lower())
        if match is None:
            return False
        name = match[1].removesuffix(".")
        if name in self._names:
            return True
        address = _parse_address(name)
        return address is not None and (address.is_loopback or self._admits_addresses)

    def is_friendly(self, origin: str, host: str) -> bool:
        """Return whether ``origin`` is a page of this server (at the port in ``host``), or a friend."""
        if origin in self._origins or _EXTENSION.fullmatch(origin) is not None:
            return True
        match = _ORIGIN.fullmatch(origin)
        if match is None or not self.is_own(match[2]):
            return False
        return _get_port(match[2], scheme=match[1]) == _get_port(host, scheme="http")


def get_friend() -> str | None:
    """Return the origin of the request where it has one; it has passed the check."""
    friend: str | None = request.environ.get(_FRIEND)
    return friend


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _get_port(host: str, *, scheme: str) -> str:
    match = _HOST.fullmatch(host.lower())
    return match[2] if match is not None and match[2] is not None else _DEFAULT_PORTS[scheme]


def _parse_address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None
