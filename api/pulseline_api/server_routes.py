"""``GET /api/0/info`` and ``/api/0/log``: which server this is, and what it logged."""

from __future__ import annotations

from flask import Blueprint, Response

from pulseline_api.answer import answer
from pulseline_api.description import describe
from pulseline_api.schemas import INFO, LOG
from pulseline_api.server_api import ServerAPI


def build_server_routes(api: ServerAPI) -> Blueprint:
    """Return the routes about the server itself."""
    routes = Blueprint("server", __name__)

    @routes.get("/info")
    @describe(answers=INFO)
    def get_info() -> Response:
        """Describe this server; the only route of the API that never needs a key."""
        return answer(api.get_info())

    @routes.get("/log")
    @describe(answers=LOG)
    def get_log() -> Response:
        """Answer an array of the newest entries of the server's log, oldest first; empty where it logs to no file."""
        return answer(api.get_log())

    return routes
