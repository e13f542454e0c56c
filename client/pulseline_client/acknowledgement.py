"""What ingest says it has committed: the payload of ``{root}/_ack/{publisher}``, read without trust. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from pulseline_core import errors
from pulseline_core.errors import PulselineError
from pulseline_core.types import BucketId, JSONObject, JSONValue

_ERRORS: Final = {
    name: value for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, PulselineError)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """All messages of ``bucket_id`` up to ``seq`` are committed.

    Attributes:
        epoch: the database's name; another one means that it was replaced.
        window: how many messages may be on their way.
        result: what became of message ``seq``, where it asked for a reply.
        has_result: tells a result ``None`` from none.
    """

    bucket_id: BucketId
    seq: int
    epoch: str
    window: int
    result: JSONValue = None
    has_result: bool = False

    @property
    def error(self) -> PulselineError | None:
        """Why the message was not applied, or ``None``."""
        return parse_error(self.result) if isinstance(self.result, dict) else None


@dataclass(slots=True)
class Acknowledgements:
    """One payload: what could be read of it, and how much could not.

    Attributes:
        problem: why ingest can not commit messages of ours now, when it says so.
    """

    items: list[Acknowledgement] = field(default_factory=list[Acknowledgement])
    malformed: int = 0
    problem: str | None = None


def parse_acknowledgements(payload: bytes) -> Acknowledgements:
    """Read an acknowledgement, an array of them, or a problem; what does not fit is counted and left out."""
    try:
        value: JSONValue = json.loads(payload)
    except (ValueError, RecursionError):
        return Acknowledgements(malformed=1)
    if isinstance(value, dict) and isinstance(problem := value.get("problem"), str):
        return Acknowledgements(problem=problem)
    found = Acknowledgements()
    for item in value if isinstance(value, list) else [value]:
        acknowledgement = _parse_item(item)
        if acknowledgement is None:
            found.malformed += 1
        else:
            found.items.append(acknowledgement)
    return found


def _parse_item(item: JSONValue) -> Acknowledgement | None:
    if not isinstance(item, dict):
        return None
    bucket_id, epoch = item.get("bucket"), item.get("epoch")
    seq, window = _get_integer(item, "seq"), _get_integer(item, "window")
    if not isinstance(bucket_id, str) or not isinstance(epoch, str) or not epoch:
        return None
    if seq is None or seq < 0 or window is None or window < 1:
        return None
    return Acknowledgement(
        bucket_id=BucketId(bucket_id),
        seq=seq,
        epoch=epoch,
        window=window,
        result=item.get("result"),
        has_result="result" in item,
    )


def _get_integer(item: JSONObject, name: str) -> int | None:
    value = item.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def parse_error(result: JSONObject) -> PulselineError | None:
    """Return the error that ``{"error": {"type", "message"}}`` names, or ``None`` when the result is no error.

    Its class is the one of that name; it has the message, but not the values that the message is made of.
    """
    problem = result.get("error")
    if not isinstance(problem, dict):
        return None
    kind, message = problem.get("type"), problem.get("message")
    found = _ERRORS.get(kind, PulselineError) if isinstance(kind, str) else PulselineError
    error = found.__new__(found)
    PulselineError.__init__(error, message if isinstance(message, str) else f"the server refused the message: {kind}")
    return error
