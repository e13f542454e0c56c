"""Titles without what changes by the minute."""

from __future__ import annotations

import re
from typing import Final

from pulseline_core.transforms.columns import Columns
from pulseline_core.types import JSONObject

#: How many messages wait, as in "(2) Inbox".
_COUNT: Final = re.compile(r"^\([0-9]+\)\s*")

#: How fast a game is drawn, as in "Cemu - FPS: 59.2 - Zelda".
_FRAME_RATE: Final = re.compile(r"FPS:\s+[0-9.]+")

#: An editor's mark of unsaved changes, as in "● main.py".
_UNSAVED: Final = re.compile(r"^[●*]\s*")


def simplify_string(events: Columns, key: str = "title") -> Columns:
    """Return events with a count in parentheses taken off the front of the text under a key.

    The titles of windows (events that have an ``app`` too) also lose their frame rate and the mark of unsaved changes.
    Events without a text there stay as they are. aw-core 0.5.18, ``aw_transform/simplify.py``.
    """

    def simplify(data: JSONObject) -> JSONObject:
        text = data.get(key)
        if not isinstance(text, str):
            return data
        return {**data, key: _simplify(text, is_window=key == "title" and "app" in data)}

    return events.relabel(events.pool.rewrite(events.data, ("simplify_string", key), simplify))


def _simplify(text: str, *, is_window: bool) -> str:
    text = _COUNT.sub("", text)
    return _UNSAVED.sub("", _FRAME_RATE.sub("FPS: ...", text)) if is_window else text
