"""Who may send a body that is larger than others, as the head of a request tells: before any of the body is read.

The checks of the application come when the body lies in a file already. A page of another origin can send one without
asking, as a form, and would fill the disk with what is refused afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

from pulseline_api.access import Access
from pulseline_api.key_check import KeyCheck


class Admission:
    """Says who may.

    Args:
        access: knows pages that are friends.
        key: the key that has to be shown; ``None`` is none.
    """

    def __init__(self, access: Access, key: KeyCheck | None) -> None:
        self._access = access
        self._key = key

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Return whether the application would not refuse these headers, which have the names that waitress uses."""
        origin = headers.get("ORIGIN")
        if origin is not None and not self._access.is_friendly(origin, headers.get("HOST", "")):
            return False
        return self._key is None or self._key.is_shown(headers.get("AUTHORIZATION", ""))
