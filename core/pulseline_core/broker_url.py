"""Where an external broker is, as one URL: ``mqtt://user@host:port``, or ``mqtts://`` for TLS. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

#: The ports that are registered for MQTT, without and with TLS.
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}

_FORM: Final = "mqtt://user@host:port or mqtts://user@host:port"


class InvalidBrokerUrl(ValueError):
    """The text names no broker; says why, to go on after the setting's name, and what to do."""

    def __init__(self, problem: str, *, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUrl:
    """A broker's place, and who we are there; no ``username`` is anonymous."""

    host: str
    port: int
    username: str
    is_tls: bool


def parse_broker_url(text: str) -> BrokerUrl:
    """Read a URL; raise ``InvalidBrokerUrl`` when it names no broker, or holds what does not belong there."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InvalidBrokerUrl(f"is {text!r}: {error}") from error
    if parts.password is not None:
        hint = "set PULSELINE_MQTT_PASSWORD, or password of [mqtt] in the settings file"
        raise InvalidBrokerUrl("holds a password, which others can read there", hint=hint)
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidBrokerUrl(f"is {text!r}, not of the form {_FORM}")
    if port == 0:
        raise InvalidBrokerUrl(f"is {text!r}: port 0 is nobody's")
    return BrokerUrl(
        host=parts.hostname,
        port=_PORTS[parts.scheme] if port is None else port,
        username=unquote(parts.username or ""),
        is_tls=parts.scheme == "mqtts",
    )
