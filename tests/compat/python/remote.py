"""The Python client of ActivityWatch on a line: calls what each line of JSON names, and prints a line for it.

``{"method": "heartbeat", "arguments": [...], "named": {...}}`` becomes ``{"returned": ...}`` or ``{"raised": ...,
"status": ...}``. A method may be a dotted path to an attribute. ``{"$event": {...}}`` and ``{"$time": "..."}`` among
the arguments become the client's own kinds of values. It runs in ``.compat``, where nothing of ours can be imported.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from aw_client import ActivityWatchClient
from aw_core.models import Event


def main(name: str, port: str) -> None:
    """Answer lines until there are no more."""
    client = ActivityWatchClient(name, testing=True, host="127.0.0.1", port=int(port))
    for line in sys.stdin:
        print(json.dumps(answer(client, json.loads(line, object_hook=revive)), default=describe), flush=True)


def answer(client: ActivityWatchClient, call: dict[str, Any]) -> dict[str, Any]:
    """Return what the client returned or raised."""
    try:
        found = reduce(getattr, call["method"].split("."), client)
        return {"returned": found(*call["arguments"], **call["named"]) if callable(found) else found}
    except Exception as error:  # noqa: BLE001 - whatever it is, the test is told
        response = getattr(error, "response", None)
        return {"raised": type(error).__name__, "status": getattr(response, "status_code", None)}


def revive(found: dict[str, Any]) -> Any:
    """Return the client's value for a marked object."""
    if "$event" in found:
        return Event(**found["$event"])
    return datetime.fromisoformat(found["$time"]) if "$time" in found else found


def describe(value: object) -> object:
    """Return JSON for what events are made of; other objects are of no interest."""
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case _:
            return None


if __name__ == "__main__":
    main(*sys.argv[1:])
