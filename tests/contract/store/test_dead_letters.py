"""Dead letters: kept whole, listed newest first, dropped one by one."""

from __future__ import annotations

import pytest

from pulseline_core.errors import Misuse, NotFound
from pulseline_core.store import DeadLetter, Reader, Store
from tests.contract.store.samples import MORNING, at


def _add(store: Store, payload: bytes, *, topic: str = "pulseline/v1/b/heartbeat", reason: str = "bad") -> int:
    with store.transaction() as tx:
        return tx.add_dead_letter(topic, payload, reason=reason, received_at=MORNING, client_id="device")


def test_a_dead_letter_is_kept_whole(store: Store, reader: Reader) -> None:
    """Bytes of any kind, time and origin."""
    number = _add(store, b"\x00\xff{")

    expected = DeadLetter(
        id=number,
        topic="pulseline/v1/b/heartbeat",
        payload=b"\x00\xff{",
        reason="bad",
        received_at=at(0),
        client_id="device",
    )
    assert reader.read_dead_letter(number) == expected
    with store.transaction() as tx:
        assert tx.get_dead_letter(number) == expected


def test_text_that_no_database_holds_is_escaped(store: Store, reader: Reader) -> None:
    """A topic may be anything; the letter is kept all the same."""
    number = _add(store, b"", topic="a\udcff/\0", reason="holds '\ud800'")

    letter = reader.read_dead_letter(number)
    assert (letter.topic, letter.reason) == ("a\\udcff/\\x00", "holds '\\ud800'")


def test_dead_letters_are_listed_newest_first(store: Store, reader: Reader) -> None:
    """Page after page."""
    numbers = [_add(store, bytes([number])) for number in range(5)]

    first = reader.read_dead_letters(2)
    second = reader.read_dead_letters(2, before_id=first[-1].id)

    assert [letter.id for letter in first + second] == numbers[:0:-1]
    assert reader.count_dead_letters() == 5
    with pytest.raises(Misuse):
        reader.read_dead_letters(-1)


def test_a_dropped_dead_letter_is_gone(store: Store, reader: Reader) -> None:
    """Its number is not given again."""
    number = _add(store, b"")

    with store.transaction() as tx:
        tx.drop_dead_letter(number)

    with pytest.raises(NotFound, match=f"no dead letter {number} exists"):
        reader.read_dead_letter(number)
    assert _add(store, b"") == number + 1
