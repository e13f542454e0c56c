"""Which broker to look at, and as whom: an ``mqtt://`` or ``mqtts://`` URL and what TLS needs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from pulseline_core.errors import BadInput, NotPermitted

#: Ports that IANA has given to MQTT, and whether TLS belongs to the scheme.
_SCHEMES: Final = {"mqtt": (1883, False), "mqtts": (8883, True)}


class InvalidBrokerUrl(BadInput):
    """A URL that names no MQTT broker."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"broker URL {url!r} {problem}", hint="write mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files; ``None`` for the authorities is the system's, for the certificate none."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no file is named."""
        return self.ca_file is self.cert_file is self.key_file is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A broker, and who we are there."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def __str__(self) -> str:
        scheme = "mqtt" if self.tls is None else "mqtts"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def parse_target(url: str, *, username: str, password: str, files: TlsFiles) -> Target:
    """Read a broker's URL.

    Args:
        url: ``mqtt[s]://[user[:password]@]host[:port]``; a user name and password in it are percent-encoded.
        username: who we are when the URL does not say so.
        password: the same.
        files: for TLS.

    Raises:
        InvalidBrokerUrl: it is of another form.
        NotPermitted: a file can not be read, or holds something else.
    """
    shown = _hide_password(url)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidBrokerUrl(shown, f"is no URL: {error}") from error
    if parts.scheme not in _SCHEMES or not host:
        raise InvalidBrokerUrl(shown, "does not begin with 'mqtt://' or 'mqtts://' and a host")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise InvalidBrokerUrl(shown, "has something behind host and port")
    default_port, is_tls = _SCHEMES[parts.scheme]
    if not is_tls and not files.is_empty:
        raise InvalidBrokerUrl(shown, "is without TLS, and files for it are named")
    if parts.username is not None:
        username, password = unquote(parts.username), unquote(parts.password or "")
    return Target(
        host=host,
        port=port or default_port,
        username=username,
        password=password,
        tls=_build_context(files) if is_tls else None,
    )


def _hide_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{login.partition(':')[0]}{at}{place}"


def _build_context(files: TlsFiles) -> ssl.SSLContext:
    """Return a context that checks the broker's certificate and name."""
    try:
        context = ssl.create_default_context(cafile=files.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise NotPermitted(str(files.ca_file), str(error), hint="name a PEM file of certificates") from error
    if files.cert_file is not None:
        try:
            context.load_cert_chain(files.cert_file, files.key_file)
        except (OSError, ssl.SSLError) as error:
            raise NotPermitted(str(files.cert_file), str(error), hint="name PEM files that fit each other") from error
    return context
