"""What clients keep under keys."""

from __future__ import annotations

import pytest

from pulseline_core.store import Reader, Store
from pulseline_core.types import JSONValue

VALUES: list[JSONValue] = [None, False, 0, "", [], {}, 1.5, "04:00", [{"name": ["Work"], "rule": {"type": "regex"}}]]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_any_value_is_read_back(store: Store, reader: Reader, value: JSONValue) -> None:
    """Values that are false too."""
    with store.transaction() as tx:
        tx.set_setting("classes", value)

    assert reader.read_setting("classes") == value
    assert reader.read_settings() == {"classes": value}


def test_a_value_takes_the_place_of_the_one_before(store: Store, reader: Reader) -> None:
    """One a key; other keys are other values."""
    for key, value in [("startOfDay", "04:00"), ("theme", "dark"), ("startOfDay", "05:00")]:
        with store.transaction() as tx:
            tx.set_setting(key, value)

    assert reader.read_settings() == {"startOfDay": "05:00", "theme": "dark"}


def test_a_deleted_value_is_gone(store: Store, reader: Reader) -> None:
    """And a second time there is none."""
    with store.transaction() as tx:
        tx.set_setting("theme", "dark")

    with store.transaction() as tx:
        assert [tx.delete_setting("theme"), tx.delete_setting("theme")] == [True, False]
    assert reader.read_setting("theme") is None


@pytest.mark.parametrize("key", ["epoch", "created"])
def test_the_database_keeps_its_own_values(store: Store, reader: Reader, key: str) -> None:
    """A client's key of the same name is another one."""
    epoch = store.epoch
    with store.transaction() as tx:
        tx.set_setting(key, "mine")
        tx.delete_setting(key)

    assert reader.read_settings() == {}
    assert store.epoch == epoch
