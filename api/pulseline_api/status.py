"""``GET /api/0/status``: how the whole pipeline is doing."""

from __future__ import annotations

from flask import Blueprint, Response

from pulseline_api.answer import answer
from pulseline_api.description import describe
from pulseline_api.info import ServerInfo
from pulseline_api.pipeline import Pipeline
from pulseline_api.schemas import STATUS


def build_status_routes(pipeline: Pipeline, info: ServerInfo) -> Blueprint:
    """Return the route of the status.

    Args:
        pipeline: what is reported on.
        info: this server.
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
                "link": pipeline.get_link(),
                "workers": {worker.name: worker.to_json() for worker in pipeline.get_workers()},
                "broker": pipeline.get_broker(),
                "broker_topics": pipeline.get_broker_topics(),
                "store": {"buckets": len(pipeline.read_buckets()), "dead_letters": pipeline.count_dead_letters()},
            }
        )

    return routes
