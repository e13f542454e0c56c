"""``/api/0/dead-letters``: messages that could not be applied, to look at, replay or forget."""

from __future__ import annotations

import base64

from flask import Blueprint, Response

from pulseline_api.answer import answer
from pulseline_api.description import Parameter, describe
from pulseline_api.parameters import INTEGER, InvalidParameter, read_integer
from pulseline_api.reader import Reader
from pulseline_api.schemas import DEAD_LETTER, DEAD_LETTERS, NOTHING
from pulseline_api.writer import Writer
from pulseline_core import times
from pulseline_core.store import DeadLetter
from pulseline_core.types import JSONObject

_DEFAULT_PAGE = 100

_LARGEST_PAGE = 1000

_PAGE_SIZE = Parameter(
    name="limit",
    schema={"type": "integer", "minimum": 1, "maximum": _LARGEST_PAGE, "default": _DEFAULT_PAGE},
    text="how many at most",
)
_BEFORE_ID = Parameter(name="before_id", schema=INTEGER, text="only those before this one, for the next page")


class DeadLetterRoutes:
    """The handlers of dead letters.

    Args:
        reader: where they are read.
        writer: what asks ingest to replay or drop one.
    """

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    def build(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("dead_letters", __name__, url_prefix="/dead-letters")
        routes.get("")(self.get_page)
        routes.get("/<row:dead_letter_id>")(self.get_dead_letter)
        routes.delete("/<row:dead_letter_id>")(self.drop)
        routes.post("/<row:dead_letter_id>/replay")(self.replay)
        return routes

    @describe(query=[_PAGE_SIZE, _BEFORE_ID], answers=DEAD_LETTERS)
    def get_page(self) -> Response:
        """Answer an array, newest first: at most ``?limit=`` (100, up to 1,000), those before ``?before_id=``."""
        page = self._reader.read_dead_letters(_read_page_size(), read_integer("before_id"))
        return answer([_describe(dead_letter) for dead_letter in page])

    @describe(answers=DEAD_LETTER)
    def get_dead_letter(self, dead_letter_id: int) -> Response:
        """Answer one with its bytes: ``payload`` in base64, and ``text`` where they are UTF-8."""
        dead_letter = self._reader.read_dead_letter(dead_letter_id)
        return answer(_describe(dead_letter) | _show_payload(dead_letter.payload))

    @describe(answers=NOTHING)
    def replay(self, dead_letter_id: int) -> Response:
        """Apply one again; it goes if that works now, else the error says why not."""
        self._reader.read_dead_letter(dead_letter_id)
        self._writer.replay_dead_letter(dead_letter_id)
        return answer({})

    @describe(answers=NOTHING)
    def drop(self, dead_letter_id: int) -> Response:
        """Forget one."""
        self._reader.read_dead_letter(dead_letter_id)
        self._writer.drop_dead_letter(dead_letter_id)
        return answer({})


def _read_page_size() -> int:
    limit = read_integer("limit")
    if limit is None:
        return _DEFAULT_PAGE
    if not 1 <= limit <= _LARGEST_PAGE:
        raise InvalidParameter("limit", f"{limit} is not between 1 and {_LARGEST_PAGE}")
    return limit


def _describe(dead_letter: DeadLetter) -> JSONObject:
    return {
        "id": dead_letter.id,
        "topic": dead_letter.topic,
        "reason": dead_letter.reason,
        "received": times.format_timestamp(dead_letter.received_at),
        "client_id": dead_letter.client_id or None,
        "size_bytes": len(dead_letter.payload),
    }


def _show_payload(payload: bytes) -> JSONObject:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = None
    return {"payload": base64.b64encode(payload).decode(), "text": text}
