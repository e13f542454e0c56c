"""``/api/0/settings``: any JSON value under a key; ActivityWatch's web interface keeps its categories there."""

from __future__ import annotations

from flask import Blueprint, Response

from pulseline_api.answer import answer
from pulseline_api.description import describe
from pulseline_api.parameters import InvalidParameter
from pulseline_api.reader import Reader
from pulseline_api.request_body import read_json
from pulseline_api.schemas import ANY, ANY_OBJECT, NOTHING
from pulseline_api.writes import Writes
from pulseline_core.message import WORKER_BUCKET
from pulseline_core.setting import check_setting, parse_setting_key
from pulseline_core.types import JSONObject, JSONValue


class Settings:
    """What clients keep under keys of 1 to 127 characters.

    Values that are false (``0``, ``""``, ``[]``, null) are kept as they are, as aw-server-rust does; aw-server forgets
    them, so that its web interface sends them again and again.

    Args:
        reader: where they are read.
        writes: what changes them.
    """

    def __init__(self, reader: Reader, writes: Writes) -> None:
        self._reader = reader
        self._writes = writes

    def get_all(self) -> JSONObject:
        """Return all values by key."""
        self._writes.settle(WORKER_BUCKET)
        return self._reader.read_settings()

    def get(self, key: str) -> JSONValue:
        """Return a value, ``None`` where there is none."""
        self._writes.settle(WORKER_BUCKET)
        return self._reader.read_setting(parse_setting_key(key))

    def set(self, key: str, value: JSONValue) -> None:
        """Keep a value; raise ``BadInput`` for a key or a value that can not be kept."""
        self._writes.set_setting(parse_setting_key(key), check_setting(key, value))

    def delete(self, key: str) -> None:
        """Forget a value, if there is one."""
        self._writes.delete_setting(parse_setting_key(key))


def build_settings_routes(settings: Settings) -> Blueprint:
    """Return the routes of the settings."""
    routes = Blueprint("settings", __name__, url_prefix="/settings")

    @routes.get("")
    @describe(answers=ANY_OBJECT)
    def get_settings() -> Response:
        """Answer all values, an object by key."""
        return answer(settings.get_all())

    @routes.post("")
    @describe(answers=None)
    def refuse_missing_key() -> Response:
        """Say that a value needs a key, in the words of aw-server 0.13.2."""
        raise InvalidParameter("key", "is missing; it belongs into the path, as in /api/0/settings/theme")

    @routes.get("/<key>")
    @describe(answers=ANY)
    def get_setting(key: str) -> Response:
        """Answer one value, null where there is none."""
        return answer(settings.get(key))

    @routes.post("/<key>")
    @describe(body=ANY, answers=ANY)
    def set_setting(key: str) -> Response:
        """Keep any JSON value; answers it."""
        value = read_json()
        settings.set(key, value)
        return answer(value)

    @routes.delete("/<key>")
    @describe(answers=NOTHING)
    def delete_setting(key: str) -> Response:
        """Forget a value, if there is one."""
        settings.delete(key)
        return answer({})

    return routes
