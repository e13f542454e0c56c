"""The bearer key: with one, only what is listed here is answered to those who do not show it.

The check comes after routing and goes by the route that was found, not by the path: ``//api``, ``%2e%2e`` and other
spellings lead to the same route or to none. A route that is not listed needs the key, also one that is written
tomorrow, and what leads to no route needs it as well.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from flask import request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

#: Which server this is, as in aw-server-rust, and pages that are the same for everybody: they hold no data, and ask for
#: it with the key that a person gives them.
PUBLIC_ENDPOINTS: Final = frozenset(
    {
        "server.get_info",
        "front_page.get_page",
        "health.get_liveness",
        "health.get_readiness",
        "web_interface.get_index",
        "web_interface.get_file",
        "api_page.get_page",
        "api_page.get_file",
        "api_page.get_description",
        "api_page.get_description_as_activitywatch",
        "pages.get_names",
        "pages.get_index",
        "pages.get_file",
    }
)

#: The wording of aw-server-rust 0.14.
_MESSAGE: Final = "Missing or invalid API key. Set 'Authorization: Bearer <key>' header."

_SCHEME: Final = "bearer "


class KeyCheck:
    """Knows the key by its digest.

    Args:
        key: what clients have to show; visible ASCII.
    """

    def __init__(self, key: str) -> None:
        self._digest = _digest(key)

    def check_request(self) -> None:
        """Raise ``Unauthorized`` for a request that needs the key and does not show it."""
        if request.endpoint in PUBLIC_ENDPOINTS or request.environ["REQUEST_METHOD"] == "OPTIONS":
            return
        if not self.is_shown(request.environ.get("HTTP_AUTHORIZATION", "")):
            raise Unauthorized(_MESSAGE, www_authenticate=WWWAuthenticate("bearer"))

    def is_shown(self, header: str) -> bool:
        """Return whether a header holds the key; how long that takes says nothing of it."""
        shown = header[len(_SCHEME) :].strip(" ") if header[: len(_SCHEME)].lower() == _SCHEME else ""
        return hmac.compare_digest(_digest(shown), self._digest)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("latin-1", "replace")).digest()
