"""How paths become arguments: bucket ids, which may hold anything, and numbers of rows.

Both forms of a path, with and without a slash at its end, are the same, without a redirect: ActivityWatch's two
servers take one or the other, and so do their clients.

WSGI hands over the path decoded, so a ``%2F`` within a bucket id would look like the end of it. ``_keep_slashes``
puts a mark in its place before Flask sees the path; the mark becomes a slash again when the bucket id is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Request, request
from werkzeug.routing import BaseConverter, MapAdapter, PathConverter

from pulseline_core.bucket import parse_bucket_id
from pulseline_core.errors import InvalidBucketId, InvalidEvent

#: Stands for an encoded slash; a control character, which no bucket id holds.
_SLASH_MARK: Final = "\x1f"

#: In the request's environment: whether its path held the mark before there were any.
_HAS_FOREIGN_MARK: Final = "pulseline.has_foreign_mark"

_ENCODED_SLASH: Final = re.compile(r"%2f", re.IGNORECASE)

#: What werkzeug makes of bytes in a path that are not UTF-8.
_REPLACEMENT: Final = "\ufffd"


class App(Flask):
    """A Flask application whose routes do not depend on the host: ``Access`` judges that, once."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds the route of a request; Flask's own takes the host apart for it, each time."""
        if request is None:
            return super().create_url_adapter(None)
        return self.url_map.bind("", path_info=request.path, default_method=request.method)


class RowConverter(BaseConverter):
    """The number of a row; more digits than SQLite's have are no such path."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        """Return the number."""
        return int(value)


class StaticConverter(PathConverter):
    """A path that is not the API's: what is no route there is none, whatever files there are."""

    regex = "(?!api(?:/|$))[^/].*?"


def register_routing(app: Flask) -> None:
    """Teach ``app`` our paths; call it before any route is added."""
    app.url_map.converters["row"] = RowConverter
    app.url_map.converters["static"] = StaticConverter
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    _keep_slashes(app)


def read_texts() -> None:
    """Read the path's bucket id or key of a setting, once it is clear that the request may be answered.

    Raises:
        InvalidBucketId: there can be no such bucket.
        InvalidEvent: there can be no such key.
    """
    values = request.view_args or {}
    if "key" in values:
        problem = _find_problem(values["key"])
        if problem:
            raise InvalidEvent("key", f"{values['key'][:64]!r} {problem}")
        values["key"] = values["key"].replace(_SLASH_MARK, "/")
    if "bucket_id" in values:
        problem = _find_problem(values["bucket_id"])
        if problem:
            raise InvalidBucketId(values["bucket_id"], problem)
        values["bucket_id"] = parse_bucket_id(values["bucket_id"].replace(_SLASH_MARK, "/"))


def _find_problem(text: str) -> str:
    """Return why a text of the path can not be read, empty if it can."""
    if _REPLACEMENT in text and not _is_utf8(request.environ["PATH_INFO"]):
        return "is not UTF-8"
    return "holds a control character" if request.environ[_HAS_FOREIGN_MARK] else ""


def _is_utf8(path: str) -> bool:
    try:
        path.encode("latin-1").decode()
    except UnicodeDecodeError:
        return False
    return True


def _keep_slashes(app: Flask) -> None:
    serve = app.wsgi_app

    def serve_marked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[_HAS_FOREIGN_MARK] = _SLASH_MARK in environ["PATH_INFO"]
        uri: str = environ.get("REQUEST_URI", "")
        if "%2" in uri:
            path, _, _ = uri.partition("?")
            if _ENCODED_SLASH.search(path) is not None:
                marked = _ENCODED_SLASH.sub(_SLASH_MARK, path)
                environ["PATH_INFO"] = unquote_to_bytes(marked).decode("latin-1")
        return serve(environ, start_response)

    app.wsgi_app = serve_marked  # type: ignore[method-assign]  # Flask's documented way to add a middleware
