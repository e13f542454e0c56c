"""A group of messages on one transaction: each in its turn, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from pulseline_core.errors import BadInput
from pulseline_core.message import DeleteSetting, DropDeadLetter, Nothing, ReplayDeadLetter, SetSetting
from pulseline_core.payload import PayloadRules
from pulseline_core.store import Transaction
from pulseline_ingest.apply import Addition, ApplyRules, Origin, apply_request
from pulseline_ingest.dead_letters import Replayer, file_dead_letter
from pulseline_ingest.effects import Effects
from pulseline_ingest.orders import apply_order
from pulseline_ingest.outcome import Applied, Duplicate, Failure, Ignored, Outcome, describe
from pulseline_ingest.reading import Delivery
from pulseline_ingest.sequence import Early, Next, Repeated, judge


class Batcher:
    """Applies groups of messages; keeps nothing from one to the next."""

    def __init__(self, payload_rules: PayloadRules, apply_rules: ApplyRules) -> None:
        self._apply_rules = apply_rules
        self._replayer = Replayer(payload_rules, apply_rules)

    def apply(self, tx: Transaction, deliveries: Sequence[Delivery]) -> Effects:
        """Apply a group in order; a message that can not be applied becomes a dead letter, and the next one follows.

        An error that comes out of here leaves a transaction that must be rolled back.
        """
        tx.expect(
            {each.request.bucket_id for each in deliveries if isinstance(each.request, Addition)},
            {(each.envelope.publisher, each.bucket_id) for each in deliveries if each.envelope is not None},
            (event.data for each in deliveries if isinstance(each.request, Addition) for event in each.request.events),
        )
        effects = Effects()
        for delivery in deliveries:
            effects.add(delivery, self._apply_in_turn(tx, delivery))
        effects.merged = tx.merged
        return effects

    def _apply_in_turn(self, tx: Transaction, delivery: Delivery) -> Outcome:
        envelope = delivery.envelope
        if envelope is None:
            return self._apply(tx, delivery)
        match judge(envelope, tx.get_watermark(envelope.publisher, delivery.bucket_id)):
            case Repeated(watermark):
                return Duplicate(watermark)
            case Early(watermark):
                return Ignored(watermark)
            case Next():
                outcome = self._apply(tx, delivery)
                tx.set_watermark(envelope.publisher, delivery.bucket_id, envelope.seq)
                return outcome
            case turn:
                assert_never(turn)

    def _apply(self, tx: Transaction, delivery: Delivery) -> Outcome:
        """Do what a message asks for, in full or not at all."""
        try:
            match delivery.request:
                case Nothing():
                    return Ignored()
                case Failure() as failure:
                    return file_dead_letter(tx, delivery.received, failure)
                case ReplayDeadLetter() as request:
                    return self._replayer.replay(tx, request, now=delivery.received.received_at)
                case SetSetting() | DeleteSetting() | DropDeadLetter() as order:
                    return apply_order(tx, order)
                case request:
                    origin = _find_origin(delivery)
                    return Applied(apply_request(tx, request, origin, self._apply_rules), request)
        except BadInput as error:
            return file_dead_letter(tx, delivery.received, describe(error))


def _find_origin(delivery: Delivery) -> Origin:
    envelope, received_at = delivery.envelope, delivery.received.received_at
    if envelope is None:
        return Origin(None, received_at, is_answered=False)
    return Origin(envelope.publisher, received_at, is_answered=envelope.reply)
