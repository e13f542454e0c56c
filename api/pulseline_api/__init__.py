"""The REST interface: ActivityWatch's, in front of the store for reads and of the broker for writes."""

from pulseline_api.app import create_app
from pulseline_api.info import ServerInfo

__all__ = ["ServerInfo", "create_app"]
