"""The shapes of what the API takes and answers, as JSON Schema (2020-12, that of OpenAPI 3.1), each under its name.

Handlers name them in ``@describe``; what lies in an object beyond what is written here is ignored in a request.
"""

from __future__ import annotations

from typing import Final

from pulseline_api.query_request import MAX_PERIODS
from pulseline_core.bucket import MAX_BUCKET_ID_BYTES
from pulseline_core.json_value import MAX_INTEGER, MIN_INTEGER
from pulseline_core.setting import MAX_KEY_LENGTH
from pulseline_core.times import MAX_DURATION
from pulseline_core.types import JSONObject, JSONValue


def _refer(name: str) -> JSONObject:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(item: JSONObject) -> JSONObject:
    return {"type": "array", "items": item}


def _object(required: str = "", **properties: JSONValue) -> JSONObject:
    """Return the schema of an object; ``required`` names fields, ``*`` is all of them."""
    names = list(properties) if required == "*" else required.split()
    needs: JSONObject = {"required": [*names]} if names else {}
    return {"type": "object", "properties": properties, **needs}


TEXT: Final[JSONObject] = {"type": "string"}
_TEXT_OR_NULL: Final[JSONObject] = {"type": ["string", "null"]}
_BOOLEAN: Final[JSONObject] = {"type": "boolean"}
_COUNT: Final[JSONObject] = {"type": "integer", "minimum": 0}
_DATA: Final[JSONObject] = {"type": "object", "description": "Any JSON.", "examples": [{"app": "editor"}]}
_DATA_OR_NULL: Final[JSONObject] = {"type": ["object", "null"]}

_INSTANT: Final[JSONObject] = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339.",
    "examples": ["2026-11-23T10:00:00+00:00"],
}
_INSTANT_OR_NULL: Final[JSONObject] = {"type": ["string", "null"], "format": "date-time"}

#: What comes in is bounded; what grew by merging may be longer.
_SECONDS: Final[JSONObject] = {"type": "number", "minimum": 0, "description": "Seconds.", "examples": [60.0]}
_NEW_SECONDS: Final[JSONObject] = {**_SECONDS, "maximum": MAX_DURATION.total_seconds()}
_PULSETIME: Final[JSONObject] = {**_NEW_SECONDS, "type": ["number", "null"], "description": "Seconds; null is none."}

_ROW: Final[JSONObject] = {"type": "integer", "minimum": MIN_INTEGER, "maximum": MAX_INTEGER, "examples": [1]}
_ROW_OR_NULL: Final[JSONObject] = {**_ROW, "type": ["integer", "null"]}

ANY: Final[JSONObject] = {"description": "Any JSON value."}
ANY_OBJECT: Final[JSONObject] = {"type": "object"}
COUNT: Final[JSONObject] = {**_COUNT, "examples": [42]}
NOTHING: Final[JSONObject] = {"type": "object", "maxProperties": 0, "examples": [{}]}

BUCKET: Final = _refer("Bucket")
BUCKETS: Final[JSONObject] = {"type": "object", "additionalProperties": BUCKET}
BUCKET_CHANGE: Final = _refer("BucketChange")
NEW_BUCKET: Final = _refer("NewBucket")
EVENT: Final = _refer("Event")
EVENTS: Final = _list(EVENT)
NEW_EVENT: Final = _refer("NewEvent")
NEW_EVENTS: Final[JSONObject] = {"oneOf": [NEW_EVENT, _list(NEW_EVENT)]}
HEARTBEAT: Final = _refer("Heartbeat")
DELETED_EVENT: Final = _refer("DeletedEvent")
DELETED_EVENTS: Final = _refer("DeletedEvents")
DEAD_LETTER: Final = _refer("DeadLetterWithPayload")
DEAD_LETTERS: Final = _list(_refer("DeadLetter"))
ERROR: Final = _refer("Error")
EXPORT: Final = _refer("Export")
EXPORT_FILES: Final[JSONObject] = {
    "type": "object",
    "description": "One or more files, whatever their fields are called.",
    "properties": {"buckets.json": {"type": "string", "format": "binary"}},
    "required": ["buckets.json"],
}
IMPORTS: Final[JSONObject] = {"oneOf": [_refer("Import"), _list(_refer("Import"))]}
QUERY: Final = _refer("Query")
RESULTS: Final[JSONObject] = {
    "type": "array",
    "description": "What the query returned, for each period.",
    "items": ANY,
    "examples": [[3600.0]],
}
INFO: Final = _refer("Info")
LOG: Final = _list(_refer("LogEntry"))
PATHS: Final = _refer("Paths")
STATUS: Final = _refer("Status")

_BUCKET: Final[JSONObject] = {
    "id": {**TEXT, "examples": ["aw-watcher-window_desk"]},
    "created": _INSTANT,
    "name": {"type": "null"},
    "type": {**TEXT, "examples": ["currentwindow"]},
    "client": {**TEXT, "examples": ["aw-watcher-window"]},
    "hostname": {**TEXT, "examples": ["desk"]},
    "data": _DATA,
    "metadata": _object("*", start=_INSTANT_OR_NULL, end=_INSTANT_OR_NULL),
    "last_updated": {**_INSTANT, "description": "The end of the newest event; absent without events."},
}
_ALWAYS: Final = "id created name type client hostname data metadata"

_DEAD_LETTER: Final[JSONObject] = {
    "id": _ROW,
    "topic": TEXT,
    "reason": TEXT,
    "received": _INSTANT,
    "client_id": _TEXT_OR_NULL,
    "size_bytes": _COUNT,
}

#: All of them by name.
COMPONENTS: Final[JSONObject] = {
    "Bucket": _object(_ALWAYS, **_BUCKET),
    "BucketChange": _object(type=_TEXT_OR_NULL, client=_TEXT_OR_NULL, hostname=_TEXT_OR_NULL, data=_DATA_OR_NULL),
    "NewBucket": _object(
        "type client hostname",
        type=_BUCKET["type"],
        client=_BUCKET["client"],
        hostname={**TEXT, "description": "!local is the server's own.", "examples": ["desk"]},
        data=_DATA_OR_NULL,
        created=_INSTANT_OR_NULL,
        pulsetime=_PULSETIME,
        events={"type": ["array", "null"], "items": NEW_EVENT},
    ),
    "Event": _object("*", id=_ROW_OR_NULL, timestamp=_INSTANT, duration=_SECONDS, data=_DATA),
    "NewEvent": _object(
        id={**_ROW_OR_NULL, "description": "Of the event to replace; null is a new one.", "examples": [None]},
        timestamp={**_INSTANT_OR_NULL, "description": "RFC 3339, from 1970 to a day ahead; null is now."},
        duration=_NEW_SECONDS,
        data=_DATA,
    ),
    "Heartbeat": _object("timestamp", timestamp=_INSTANT, duration=_NEW_SECONDS, data=_DATA),
    "DeletedEvent": _object("*", success={"enum": [0, 1]}),
    "DeletedEvents": _object("*", deleted={"type": ["integer", "null"], "minimum": 0}),
    "DeadLetter": _object("*", **_DEAD_LETTER),
    "DeadLetterWithPayload": _object(
        "*", **_DEAD_LETTER, payload={**TEXT, "contentEncoding": "base64"}, text=_TEXT_OR_NULL
    ),
    "Query": _object(
        "*",
        query={
            **_list(TEXT),
            "description": "The program, in one text or more, one behind the other.",
            "examples": [["events = query_bucket(find_bucket('plug'));", "RETURN = sum_durations(events);"]],
        },
        timeperiods={
            **_list(TEXT),
            "description": "Each START/END, two ISO 8601 times.",
            "maxItems": MAX_PERIODS,
            "examples": [["2026-11-23T00:00:00+01:00/2026-11-24T00:00:00+01:00"]],
        },
    ),
    "Error": _object(
        "message",
        type={**TEXT, "description": "Of a query's error, ActivityWatch's name for it."},
        message={**TEXT, "examples": ["what is wrong, and with what"]},
    ),
    "Export": _object(
        "*",
        buckets={
            "type": "object",
            "additionalProperties": _object(
                f"{_ALWAYS} events",
                **_BUCKET,
                events=_list(_object("*", timestamp=_INSTANT, duration=_SECONDS, data=_DATA)),
            ),
        },
    ),
    "Import": _object(
        "*",
        buckets={
            "type": "object",
            "additionalProperties": _object(
                "*",
                id=TEXT,
                is_new=_BOOLEAN,
                added=_COUNT,
                extended=_COUNT,
                unchanged=_COUNT,
                skipped=_COUNT,
            ),
        },
        skipped={**_list(TEXT), "description": "What could not be taken, the first of it."},
    ),
    "Info": _object("*", hostname=TEXT, version=TEXT, testing=_BOOLEAN, device_id=TEXT),
    "LogEntry": _object(
        "time level message",
        time=TEXT,
        level=TEXT,
        message=TEXT,
        logger=TEXT,
        action=TEXT,
        traceback=TEXT,
    ),
    "Paths": _object(
        "*",
        version=TEXT,
        paths={"type": "object", "additionalProperties": _list(TEXT)},
    ),
    "Status": _object(
        "*",
        version=TEXT,
        testing=_BOOLEAN,
        started=_INSTANT,
        link=_object(connected=_BOOLEAN, problem=_TEXT_OR_NULL, waiting=_COUNT),
        workers={"type": "object", "description": "What each ingest worker said last, by its name."},
        broker={"type": "object", "description": "The broker's figures, under the same names whichever it is."},
        broker_topics={"type": "object", "description": "The same in the broker's own words, by their topics."},
        store=_object("*", buckets=_COUNT, dead_letters=_COUNT),
    ),
}

_ROW_IN_PATH: Final[JSONObject] = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1, "examples": [1]}

#: What stands for an argument of a path.
PATH_ARGUMENTS: Final[dict[str, JSONObject]] = {
    "bucket_id": {"type": "string", "minLength": 1, "maxLength": MAX_BUCKET_ID_BYTES},
    "event_id": _ROW_IN_PATH,
    "dead_letter_id": _ROW_IN_PATH,
    "key": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
}
