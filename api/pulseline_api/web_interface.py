"""A built web interface at ``/`` (ActivityWatch's aw-webui), and custom visualisations below ``/pages/``.

aw-webui keeps its own routes behind a ``#``, so that every path is a file's. It asks the API at the same origin, and
shows a visualisation in a frame, as ``/pages/<name>/?hostname=&start=&end=&title=``.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound as PathNotFound

from pulseline_api.answer import answer, answer_nothing
from pulseline_api.static_folder import StaticFolder

#: What a build of aw-webui 0.13 allows itself in its own page, without the places of its developers: Vue compiles
#: templates (eval) and sets styles, icons are data, and it looks for new releases at GitHub.
_INTERFACE_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' https://api.github.com; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)

#: Visualisations come from everywhere and load what they like; only the web interface may show them in a frame.
_PAGE_POLICY: Final = "object-src 'none'; base-uri 'self'; frame-ancestors 'self'"


def build_web_interface(path: Path) -> Blueprint:
    """Return the routes of the web interface that was built into a folder; raise ``InvalidSetting``."""
    folder = StaticFolder(path, policy=_INTERFACE_POLICY)
    folder.check("api.webui")
    routes = Blueprint("web_interface", __name__)

    @routes.get("/")
    def get_index() -> Response:
        """Answer the page."""
        return folder.serve("")

    @routes.get("/<static:name>")
    def get_file(name: str) -> Response:
        """Answer a file."""
        return folder.serve(name)

    return routes


def build_pages(paths: Mapping[str, Path]) -> Blueprint:
    """Return the routes of custom visualisations.

    Args:
        paths: the folder of each by its name; raises ``InvalidSetting`` for one without a page.
    """
    folders = {name: StaticFolder(path, policy=_PAGE_POLICY) for name, path in paths.items()}
    for folder in folders.values():
        folder.check("api.pages")
    routes = Blueprint("pages", __name__, url_prefix="/pages")

    def serve(page: str, name: str) -> Response:
        if page not in folders:
            raise PathNotFound
        return folders[page].serve(name)

    @routes.get("/")
    def get_names() -> Response:
        """Answer the names, an array."""
        return answer(sorted(folders))

    @routes.get("/<page>/")
    def get_index(page: str) -> Response:
        """Answer a page; below a path without the slash its own links would lead elsewhere."""
        if page in folders and not request.path.endswith("/"):
            return _redirect(f"/pages/{page}/")
        return serve(page, "")

    @routes.get("/<page>/<path:name>")
    def get_file(page: str, name: str) -> Response:
        """Answer a file of a page."""
        return serve(page, name)

    return routes


def _redirect(path: str) -> Response:
    query = request.query_string.decode("latin-1")
    response = answer_nothing(HTTPStatus.PERMANENT_REDIRECT)
    response.headers["Location"] = f"{path}?{query}" if query else path
    return response
