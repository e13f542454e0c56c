"""The Flask application: one blueprint a resource, and what holds for every request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask

from pulseline_api import cors
from pulseline_api.access import DEVELOPMENT_ORIGINS, Access
from pulseline_api.api_page import build_api_page
from pulseline_api.buckets import BucketRoutes
from pulseline_api.dead_letters import DeadLetterRoutes
from pulseline_api.events import EventRoutes
from pulseline_api.export import build_export_routes
from pulseline_api.front_page import build_front_page, build_path_list
from pulseline_api.health import build_health_routes
from pulseline_api.imports import build_import_routes
from pulseline_api.info import ServerInfo
from pulseline_api.key_check import KeyCheck
from pulseline_api.metrics import build_metrics_routes
from pulseline_api.pipeline import Pipeline
from pulseline_api.problems import register_problems
from pulseline_api.queries import build_query_routes
from pulseline_api.query_runner import QueryRunner
from pulseline_api.reader import Reader
from pulseline_api.request_body import MAX_BODY_BYTES
from pulseline_api.routing import App, read_texts, register_routing
from pulseline_api.server_api import ServerAPI, find_no_log
from pulseline_api.server_routes import build_server_routes
from pulseline_api.settings import build_settings_routes
from pulseline_api.status import build_status_routes
from pulseline_api.status_board import StatusBoard
from pulseline_api.web_interface import build_pages, build_web_interface
from pulseline_api.writer import Writer
from pulseline_core.settings import Secret
from pulseline_core.topic import DEFAULT_ROOT
from pulseline_core.types import JSONObject

BASE_PATH = "/api/0"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """What may differ between installations.

    Attributes:
        host: the address that the server listens on; requests must name it, or a loopback name.
        key: what clients have to show; ``None`` is nothing.
        origins: of other pages that may ask, as in ``http://localhost:3000``.
        webui: the folder of a built web interface; ``None`` is a plain page.
        pages: the folders below ``/pages/`` by name.
        board: what ingest and broker say of themselves.
        read_link: how the connection to the broker is doing.
        metrics_buckets: how many buckets the metrics name.
        max_exports: how many exports run at a time, 1 or more.
        queries: what runs queries; ``None`` is nothing.
        find_log: returns the file that the server logs to, if it does.
    """

    host: str = "127.0.0.1"
    key: Secret | None = None
    origins: tuple[str, ...] = ()
    webui: Path | None = None
    pages: Mapping[str, Path] = field(default_factory=dict)
    board: StatusBoard = field(default_factory=lambda: StatusBoard(DEFAULT_ROOT))
    read_link: Callable[[], JSONObject] = dict
    metrics_buckets: int = 100
    max_exports: int = 1
    queries: QueryRunner | None = None
    find_log: Callable[[], Path | None] = find_no_log

    def build_access(self, *, testing: bool) -> Access:
        """Return whom the server answers; the developers of aw-webui only where things are tried out."""
        return Access(self.host, {*self.origins, *(DEVELOPMENT_ORIGINS if testing else ())})


def create_app(reader: Reader, writer: Writer, info: ServerInfo, options: AppOptions | None = None) -> Flask:
    """Return the application.

    Args:
        reader: where committed data is read.
        writer: what publishes writes.
        info: what the server says of itself.
        options: the rest.

    Raises:
        InvalidSetting: a folder to serve has no page in it.
    """
    options = options or AppOptions()
    app = App(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    register_routing(app)
    register_problems(app)
    _register_checks(app, options, testing=info.testing)
    app.register_blueprint(build_path_list(info, base=BASE_PATH))
    app.register_blueprint(
        build_front_page(info, base=BASE_PATH) if options.webui is None else build_web_interface(options.webui)
    )
    app.register_blueprint(build_api_page(info, base=BASE_PATH))
    app.register_blueprint(build_pages(options.pages))
    pipeline = Pipeline(reader, options.board, options.read_link)
    app.register_blueprint(build_health_routes(pipeline))
    app.register_blueprint(build_metrics_routes(pipeline, info, max_buckets=options.metrics_buckets))
    api = ServerAPI(reader, writer, info, queries=options.queries, find_log=options.find_log)
    for routes in (
        build_server_routes(api),
        BucketRoutes(api, testing=info.testing).build(),
        EventRoutes(api).build(),
        build_settings_routes(api.settings),
        build_export_routes(api, options.max_exports),
        build_import_routes(api),
        build_query_routes(api),
        build_status_routes(pipeline, info),
        DeadLetterRoutes(reader, writer).build(),
    ):
        app.register_blueprint(routes, url_prefix=f"{BASE_PATH}{routes.url_prefix or ''}")
    return app


def _register_checks(app: Flask, options: AppOptions, *, testing: bool) -> None:
    """Register what every request passes, in this order."""
    app.before_request(options.build_access(testing=testing).check_request)
    app.before_request(cors.answer_preflight)
    if options.key is not None:
        app.before_request(KeyCheck(options.key).check_request)
    app.before_request(read_texts)
    app.after_request(cors.add_headers)
