"""Numbered messages, as a worker applies them: each has an effect once, however often it comes."""

from __future__ import annotations

from time import monotonic
from typing import Final

from pulseline_core.errors import StoreUnavailable
from pulseline_core.store import Store, Transaction, open_reader
from tests.contract.store.samples import BUCKET, get_row, make_event

#: How long a server has for what it does.
WAIT_S: Final = 30.0


def add(tx: Transaction, seq: int) -> None:
    """Apply a numbered message as a worker does: an event, and the watermark with it."""
    if tx.get_watermark("publisher", BUCKET) == seq - 1:
        tx.insert_events(get_row(tx), [make_event(seq, data={"seq": seq})])
        tx.set_watermark("publisher", BUCKET, seq)


def store_once(store: Store, seq: int) -> None:
    """Send a message once."""
    with store.transaction() as tx:
        add(tx, seq)


def store_again(store: Store, seq: int) -> int:
    """Send a message until it is committed, and return how often that failed."""
    failures, deadline = 0, monotonic() + WAIT_S
    while True:
        try:
            with store.transaction() as tx:
                add(tx, seq)
        except StoreUnavailable:
            failures += 1
            assert monotonic() < deadline
        else:
            return failures


def read_seqs(url: str) -> list[object]:
    """Return the numbers of the messages that are stored, oldest first."""
    with open_reader(url) as reader:
        return [event.data["seq"] for event in reversed(reader.read_events(BUCKET))]
