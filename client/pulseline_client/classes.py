"""The rules by which activity gets its category: those that the web interface stores, or else ActivityWatch's own.

The names are those of ``aw_client.classes``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, Protocol

from pulseline_client.activitywatch import ActivityWatchClient
from pulseline_client.rest import RestReader
from pulseline_core.errors import BadInput, Unavailable

logger = logging.getLogger(__name__)

#: The setting under which aw-webui keeps its categories.
SETTING: Final = "classes"

#: A category from the widest to the narrowest: ``["Work", "Programming"]``.
CategoryId = list[str]

#: A rule: ``{"type": "regex", "regex": str, "ignore_case": bool, "select_keys": [str]}``, all but the first optional.
CategorySpec = dict[str, Any]

Classes = list[tuple[CategoryId, CategorySpec]]


class SettingReader(Protocol):
    """What a server's settings are read with: an ``ActivityWatchClient``, a ``Client``, a ``RestReader``."""

    def get_setting(self, key: str, /) -> Any:
        """Return a setting, ``None`` where it is not set."""
        ...


def _build_rule(category: str, regex: str, *, ignore_case: bool = False) -> tuple[CategoryId, CategorySpec]:
    rule: CategorySpec = {"type": "regex", "regex": regex}
    return category.split(" > "), rule | ({"ignore_case": True} if ignore_case else {})


#: What a new ActivityWatch sorts by, as in aw-client 0.5.15.
default_classes: Classes = [
    _build_rule("Work", "Google Docs|libreoffice|ReText"),
    _build_rule("Work > Programming", "GitHub|Stack Overflow|BitBucket|Gitlab|vim|Spyder|kate|Ghidra|Scite"),
    _build_rule("Work > Programming > ActivityWatch", "ActivityWatch|aw-", ignore_case=True),
    _build_rule("Work > Image", "Gimp|Inkscape"),
    _build_rule("Work > Video", "Kdenlive"),
    _build_rule("Work > Audio", "Audacity"),
    _build_rule("Work > 3D", "Blender"),
    _build_rule("Media > Games", "Minecraft|RimWorld"),
    _build_rule("Media > Video", "YouTube|Plex|VLC"),
    _build_rule("Media > Social Media", "reddit|Facebook|Twitter|Instagram|devRant", ignore_case=True),
    _build_rule("Media > Music", "Spotify|Deezer", ignore_case=True),
    _build_rule("Comms > IM", "Messenger|Telegram|Signal|WhatsApp|Rambox|Slack|Riot|Discord|Nheko"),
    _build_rule("Comms > Email", "Gmail|Thunderbird|mutt|alpine"),
]


def get_classes(client: SettingReader | None = None) -> Classes:
    """Read a server's categories; where it has none, or does not answer, return ``default_classes``.

    Args:
        client: whom to ask; ``None`` is the server that the settings file of ``ActivityWatchClient`` names.
    """
    try:
        stored = _read_from_configured_server() if client is None else client.get_setting(SETTING)
    except (Unavailable, BadInput) as error:  # also a server of ActivityWatch, which answers 404
        logger.warning("the categories could not be read, the default ones are taken: %s", error)
        stored = None
    return list(_iter_classes(stored)) or list(default_classes)


def _read_from_configured_server() -> Any:
    configured = ActivityWatchClient("pulseline-classes")
    with closing(RestReader(configured.server_address, key=configured.server_api_key or "")) as rest:
        return rest.get_setting(SETTING)


def _iter_classes(stored: Any) -> Iterator[tuple[CategoryId, CategorySpec]]:
    """Yield what the web interface stored, ``{"name": [...], "rule": {...}}`` each; it keeps more there."""
    for item in stored if isinstance(stored, list) else []:
        match item:
            case {"name": list(name), "rule": dict(rule)}:
                yield name, rule
