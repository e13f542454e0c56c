"""What stands at ``/`` and ``/api/0/``: which server this is and where to go on, for people and for programs."""

from __future__ import annotations

import re
from html import escape
from string import Template
from typing import Final

from flask import Blueprint, Response, current_app

from pulseline_api.answer import answer
from pulseline_api.description import describe
from pulseline_api.info import ServerInfo
from pulseline_api.schemas import PATHS

#: Needs nothing that is not in it, and lets a browser load nothing else.
_PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Pulseline</title>
<h1>Pulseline</h1>
<p>Pulseline $version runs here$testing.
It makes a timeline of what is published over MQTT, and answers over REST:</p>
<ul>
<li><a href="$base/info">$base/info</a>: which server this is</li>
<li><a href="$base/buckets/">$base/buckets/</a>: the timelines</li>
<li><a href="$base/status">$base/status</a>: how it is doing</li>
<li><a href="/api/">/api/</a>: everything there is, to read and to try out</li>
<li><a href="$base/">$base/</a>: the same as a list for programs</li>
</ul>
<p>On a terminal, <code>pulseline --help</code> lists the commands.
The documentation lies in the folder <code>docs</code> of the source:
<code>tutorial.md</code>, <code>how-to/</code>, <code>reference/rest.md</code>, <code>reference/mqtt.md</code>.</p>
</html>
""")

_POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

#: The converter in a rule: ``<row:event_id>`` is shown as ``<event_id>``.
_CONVERTER: Final = re.compile(r"<\w+:")

#: What Flask answers by itself.
_IMPLIED: Final = frozenset({"HEAD", "OPTIONS"})


def build_front_page(info: ServerInfo, *, base: str) -> Blueprint:
    """Return the route of the page for people.

    Args:
        info: this server.
        base: the path above all resources.
    """
    routes = Blueprint("front_page", __name__)
    page = _PAGE.substitute(
        version=escape(info.version), base=base, testing=" for trying things out (testing)" if info.testing else ""
    )

    @routes.get("/")
    def get_page() -> Response:
        """Answer a small page."""
        response = Response(page, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    return routes


def build_path_list(info: ServerInfo, *, base: str) -> Blueprint:
    """Return the route of the list of paths for programs; as ``build_front_page``."""
    routes = Blueprint("path_list", __name__)

    @routes.get(f"{base}/")
    @describe(answers=PATHS, tag="server")
    def get_paths() -> Response:
        """Answer every path with its methods."""
        return answer({"version": info.version, "paths": _list_paths()})

    return routes


def _list_paths() -> dict[str, list[str]]:
    """Return the methods of each path that the application knows."""
    paths: dict[str, set[str]] = {}
    for rule in current_app.url_map.iter_rules():
        paths.setdefault(_CONVERTER.sub("<", rule.rule), set()).update((rule.methods or set()) - _IMPLIED)
    return {path: sorted(methods) for path, methods in sorted(paths.items())}
