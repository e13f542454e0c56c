"""``/api/``: a page to read about the REST interface and to try it out; ``/api/openapi.json``: its description.

The page is Swagger UI, as ActivityWatch's, from the package ``flask-swagger-ui``, of which only the bundled files are
used: its own page has a script within that a strict policy would not let run. All of it comes from this server.

Nothing here holds data, and nothing changes any.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from importlib.resources import as_file, files
from string import Template
from typing import Final

from flask import Blueprint, Response, current_app, send_file
from werkzeug.exceptions import NotFound as PathNotFound

from pulseline_api.answer import answer
from pulseline_api.info import ServerInfo
from pulseline_api.openapi import build_document

_DESCRIPTION: Final = "/api/openapi.json"

#: The files of Swagger UI that the page is made of.
_FILES: Final = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})

#: Follows the browser's choice of dark or light, and asks nobody to judge the description.
_SCRIPT: Final = f"""
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({{
  url: "{_DESCRIPTION}",
  dom_id: "#page",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
}});
"""

_STYLE: Final = """
body { margin: 0; background: #fff; }
.dark-mode body { background: #1c2022; }
"""

_PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pulseline: the REST interface</title>
<link rel="icon" href="/api/ui/favicon-32x32.png">
<link rel="stylesheet" href="/api/ui/swagger-ui.css">
<style>$style</style>
<div id="page"><noscript>This page needs JavaScript; <a href="$description">$description</a> does not.</noscript></div>
<script src="/api/ui/swagger-ui-bundle.js"></script>
<script>$script</script>
</html>
""")


def _hash(text: str) -> str:
    """Return what lets ``text``, as an element of the page, pass its policy."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        f"script-src 'self' {_hash(_SCRIPT)}",
        f"style-src 'self' {_hash(_STYLE)}",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)


def build_api_page(info: ServerInfo, *, base: str) -> Blueprint:
    """Return the routes of the page, its files and the description.

    Args:
        info: this server.
        base: the path above all that is described.
    """
    routes = Blueprint("api_page", __name__, url_prefix="/api")
    page = _PAGE.substitute(style=_STYLE, script=_SCRIPT, description=_DESCRIPTION)

    @routes.get("/")
    def get_page() -> Response:
        """Answer the page."""
        response = Response(page, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    @routes.get("/ui/<name>")
    def get_file(name: str) -> Response:
        """Answer a file of Swagger UI."""
        if name not in _FILES:
            raise PathNotFound
        with as_file(files("flask_swagger_ui") / "dist" / name) as path:
            return send_file(path)

    @routes.get("/openapi.json")
    @routes.get("/swagger.json", endpoint="get_description_as_activitywatch")
    def get_description() -> Response:
        """Answer the description; the second path is where ActivityWatch has it."""
        return answer(build_document(current_app, base=base, version=info.version))

    return routes
