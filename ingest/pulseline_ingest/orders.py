"""Orders to the worker that concern no bucket: a client's settings, and dead letters to forget."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from pulseline_core.errors import NotFound
from pulseline_core.message import DeleteSetting, DropDeadLetter, SetSetting
from pulseline_core.store import Transaction
from pulseline_ingest.outcome import Applied, Deleted, Done, Result, describe

Order: TypeAlias = SetSetting | DeleteSetting | DropDeadLetter


def apply_order(tx: Transaction, order: Order) -> Applied:
    """Do what is ordered; what there is none of is said in the result."""
    try:
        return Applied(_apply(tx, order), None)
    except NotFound as error:
        return Applied(describe(error), None)


def _apply(tx: Transaction, order: Order) -> Result:
    match order:
        case SetSetting(key=key, value=value):
            tx.set_setting(key, value)
            return Done()
        case DeleteSetting(key=key):
            return Deleted(int(tx.delete_setting(key)))
        case DropDeadLetter(dead_letter_id=letter_id):
            tx.drop_dead_letter(letter_id)
            return Deleted(1)
        case _:
            assert_never(order)
