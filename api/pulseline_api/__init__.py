"""The REST interface: ActivityWatch's, in front of the store for reads and of the broker for writes."""

from pulseline_api.app import create_app
from pulseline_api.info import ServerInfo
from pulseline_api.server_api import ServerAPI

__all__ = ["ServerAPI", "ServerInfo", "create_app"]
