"""Orders to the worker itself, and imports: what is stored, and what who asked is told."""

from __future__ import annotations

from typing import Any

from pulseline_core.types import JSONObject
from pulseline_ingest.source import Received
from tests.contract.store.samples import WORK, make_event
from tests.integration.ingest.bench import Bench
from tests.unit.ingest.samples import number, receive


def order(seq: int, body: JSONObject) -> Received:
    """Return an order to the worker that wants a reply."""
    return receive(number(seq, body, reply=True), topic="_admin")


def bring(seq: int, *events: JSONObject) -> Received:
    """Return events to import that want a reply."""
    body: dict[str, Any] = {"events": list(events), "only_missing": True}
    return receive(number(seq, body, reply=True), topic="plug/events")


def describe(start_s: float, length_s: float, **keys: Any) -> JSONObject:
    """Return an event as it travels."""
    value = make_event(start_s, length_s).to_json()
    del value["id"]
    return {**value, **keys}


def test_settings_are_kept_and_forgotten(bench: Bench) -> None:
    """Each order is answered; a deletion says whether there was something."""
    source = bench.run(
        [
            order(1, {"op": "set_setting", "key": "theme", "value": "dark"}),
            order(2, {"op": "set_setting", "key": "views", "value": []}),
            order(3, {"op": "delete_setting", "key": "theme"}),
            order(4, {"op": "delete_setting", "key": "theme"}),
        ]
    )

    assert bench.reader.read_settings() == {"views": []}
    assert source.get_results() == [{}, {}, {"deleted": 1}, {"deleted": 0}]


def test_a_setting_that_could_not_be_kept_can_be_replayed(bench: Bench) -> None:
    """A dead letter that holds an order about settings is as good as the order."""
    with bench.store.transaction() as tx:
        payload = b'{"op": "set_setting", "key": "theme", "value": "dark"}'
        letter_id = tx.add_dead_letter("pulseline/v1/_admin", payload, reason="odd", received_at=make_event().timestamp)

    bench.run([order(1, {"op": "replay_dead_letter", "id": letter_id})])

    assert bench.reader.read_settings() == {"theme": "dark"}
    assert bench.read_letters() == []


def test_an_import_makes_its_bucket_and_adds_what_is_missing(bench: Bench) -> None:
    """The second time there is nothing to add."""
    events = [describe(0, 5), describe(0, 5, copy=2)]

    source = bench.run([bring(1, *events, describe(9, 1))], [bring(2, *events, describe(9, 4))])

    assert source.get_results() == [{"inserted": 3, "extended": 0}, {"inserted": 0, "extended": 1}]
    assert bench.read_outline() == [(0, 5, WORK), (0, 5, WORK), (9, 13, WORK)]


def test_an_import_is_a_change_that_readers_hear_of(bench: Bench) -> None:
    """The bucket's state is published, as after any other write."""
    source = bench.run([bring(1, describe(0, 5))])

    assert len(source.get_published("plug/state")) == 1


def test_an_import_with_an_event_that_does_not_fit_changes_nothing(bench: Bench) -> None:
    """The whole message becomes a dead letter."""
    source = bench.run([bring(1, describe(0, 5), {**describe(9, 1), "duration": -1})])

    assert source.get_results()[0]["error"]["type"] == "InvalidPayload"
    assert len(bench.read_letters()) == 1
