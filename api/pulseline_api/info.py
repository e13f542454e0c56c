"""Which server this is."""

from __future__ import annotations

from dataclasses import dataclass

from pulseline_core.types import JSONObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """What a server says of itself.

    Attributes:
        hostname: the machine's name, which watchers put into their buckets' ids.
        version: Pulseline's, as in ``0.1.0``.
        testing: whether the data is for trying things out.
        device_id: a UUID that stays with the data folder.
        started: when the server started, RFC 3339.
    """

    hostname: str
    version: str
    testing: bool
    device_id: str
    started: str

    def to_json(self) -> JSONObject:
        """Return ActivityWatch's form; its web interface parses the version as ``vX.Y.Z`` and more."""
        return {
            "hostname": self.hostname,
            "version": f"v{self.version} (pulseline)",
            "testing": self.testing,
            "device_id": self.device_id,
        }
