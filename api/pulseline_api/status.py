"""``GET /api/0/status``: how the whole pipeline is doing."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response

from pulseline_api.answer import answer
from pulseline_api.description import describe
from pulseline_api.info import ServerInfo
from pulseline_api.reader import Reader
from pulseline_api.schemas import STATUS
from pulseline_api.status_board import StatusBoard
from pulseline_core.types import JSONObject


def build_status_routes(
    reader: Reader, board: StatusBoard, info: ServerInfo, read_link: Callable[[], JSONObject]
) -> Blueprint:
    """Return the route of the status.

    Args:
        reader: what is stored.
        board: what workers and broker said last.
        info: this server.
        read_link: how the API's connection to the broker is doing.
    """
    routes = Blueprint("status", __name__)

    @routes.get("/status")
    @describe(answers=STATUS)
    def get_status() -> Response:
        """Answer what server, ingest, broker and store say of themselves."""
        return answer(
            {
                "version": info.version,
                "testing": info.testing,
                "started": info.started,
                "link": read_link(),
                "workers": board.get_workers(),
                "broker": board.get_broker(),
                "store": {"buckets": len(reader.read_buckets()), "dead_letters": reader.count_dead_letters()},
            }
        )

    return routes
