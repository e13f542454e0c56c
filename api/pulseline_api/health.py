"""``/healthz`` and ``/readyz``: what service managers and load balancers ask, without a key.

They say no more than whether something works. Why it does not is in the status, for those who have the key.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from pulseline_api.answer import answer
from pulseline_api.pipeline import Pipeline


def build_health_routes(pipeline: Pipeline) -> Blueprint:
    """Return both routes."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def get_liveness() -> Response:
        """Answer that this process answers."""
        return answer({"alive": True})

    @routes.get("/readyz")
    def get_readiness() -> Response:
        """Answer whether broker, store and ingest do their work; with 503 if one does not."""
        parts = pipeline.check_parts()
        is_ready = all(parts.values())
        return answer(
            {"ready": is_ready, "parts": parts}, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        )

    return routes
