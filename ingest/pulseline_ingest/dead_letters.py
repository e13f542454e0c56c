"""Dead letters: messages that can not be applied are kept, and may be tried again or dropped.

A letter that is tried again is read as it came: its own time of receipt is the present, so that a heartbeat without a
timestamp still stands where it belongs. What was too far ahead then may not be so any more, since the clock may have
been set meanwhile; such a letter is read by the clock of now. Its number, if it had one, was spent when it became a
dead letter, and is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pulseline_core.errors import BadInput, InvalidPayload, NotFound
from pulseline_core.message import DeleteSetting, DropDeadLetter, Nothing, ReplayDeadLetter, SetSetting
from pulseline_core.payload import PayloadRules
from pulseline_core.store import DeadLetter, Transaction
from pulseline_core.types import JSONObject
from pulseline_ingest.apply import ApplyRules, Origin, apply_request
from pulseline_ingest.encoding import encode
from pulseline_ingest.orders import apply_order
from pulseline_ingest.outcome import Applied, DeadLettered, Deleted, Failure, describe
from pulseline_ingest.reading import parse_request
from pulseline_ingest.source import Outgoing, Received


def file_dead_letter(tx: Transaction, received: Received, failure: Failure) -> DeadLettered:
    """Keep a message that can not be applied."""
    letter_id = tx.add_dead_letter(
        received.topic,
        received.payload,
        reason=failure.message,
        received_at=received.received_at,
        client_id=received.client_id or "",
    )
    return DeadLettered(letter_id, failure)


@dataclass(frozen=True, slots=True)
class Replayer:
    """Tries dead letters again."""

    payload_rules: PayloadRules
    apply_rules: ApplyRules

    def replay(self, tx: Transaction, request: ReplayDeadLetter, *, now: datetime) -> Applied:
        """Apply a letter and forget it, or keep it with the reason why it can still not be applied."""
        try:
            letter = tx.get_dead_letter(request.dead_letter_id)
        except NotFound as error:
            return Applied(describe(error), None)
        try:
            applied = self._apply(tx, letter, now)
        except BadInput as error:
            tx.set_dead_letter_reason(letter.id, str(error))
            return Applied(describe(error), None)
        tx.drop_dead_letter(letter.id)
        return applied

    def _apply(self, tx: Transaction, letter: DeadLetter, now: datetime) -> Applied:
        request, envelope = parse_request(_receive_again(letter, letter.received_at), self.payload_rules)
        if isinstance(request, Failure):
            request, envelope = parse_request(_receive_again(letter, now), self.payload_rules)
        match request:
            case Failure():
                raise InvalidPayload(request.message)
            case ReplayDeadLetter() | DropDeadLetter():
                raise InvalidPayload("a request about dead letters can not be replayed; make it again")
            case SetSetting() | DeleteSetting():
                return apply_order(tx, request)
            case Nothing():
                return Applied(Deleted(0), None)
            case _:
                origin = Origin(None if envelope is None else envelope.publisher, letter.received_at)
                return Applied(apply_request(tx, request, origin, self.apply_rules), request)


def _receive_again(letter: DeadLetter, received_at: datetime) -> Received:
    return Received(
        topic=letter.topic,
        payload=letter.payload,
        received_at=received_at,
        client_id=letter.client_id or None,
        ticket=None,
    )


def build_notice(received: Received, letter: DeadLettered, *, root: str) -> Outgoing:
    """Return the message that tells of a new dead letter."""
    notice: JSONObject = {
        "id": letter.letter_id,
        "topic": received.topic.encode(errors="backslashreplace").decode(),
        "reason": letter.failure.message,
    }
    return Outgoing(topic=f"{root}/_dead", payload=encode(notice))
