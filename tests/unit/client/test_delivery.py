"""The delivery decides what to send; here step by step."""

from __future__ import annotations

import pytest

from pulseline_client.acknowledgement import Acknowledgement
from pulseline_client.delivery import FIRST_WINDOW, MAX_BYTES, MAX_WINDOW, Delivery
from pulseline_core.types import BucketId
from tests.unit.client.delivery_bench import Bench


def test_nothing_is_sent_without_a_connection() -> None:
    """Messages wait."""
    bench = Bench()
    bench.load("a")

    assert bench.send() == []


def test_messages_go_in_order_with_the_oldest_as_base(bench: Bench) -> None:
    """On a healthy connection nothing waits for the acknowledgement of the one before."""
    bench.load("a", 3)

    assert bench.send() == [("a", 1, 1), ("a", 2, 1), ("a", 3, 1)]


def test_base_moves_with_what_is_confirmed(bench: Bench) -> None:
    """The base is the oldest message that is left."""
    bench.load("a", 2)
    bench.send()

    assert bench.acknowledge("a", 1) == [1]
    bench.load("a")
    assert bench.send() == [("a", 3, 2)]


def test_lanes_take_turns(bench: Bench) -> None:
    """A bucket with a backlog does not hold up the others."""
    bench.load("a", 3)
    bench.load("b", 2)

    assert [bucket for bucket, _, _ in bench.send()] == ["a", "b", "a", "b", "a"]


def test_one_acknowledgement_covers_all_before_it(bench: Bench) -> None:
    """Acknowledgements are cumulative."""
    bench.load("a", 5)
    bench.send()

    assert bench.acknowledge("a", 4) == [1, 2, 3, 4]
    assert bench.delivery.in_flight == 1


def test_repeated_acknowledgement_says_nothing_new(bench: Bench) -> None:
    """It neither confirms nor counts as progress."""
    bench.load("a", 2)
    bench.send()
    bench.acknowledge("a", 1)

    assert bench.acknowledge("a", 1) is None
    assert bench.acknowledge("a", 0) is None


@pytest.mark.parametrize(("bucket", "seq"), [("a", 3), ("unknown", 1)])
def test_acknowledgement_of_what_was_never_sent_is_ignored(bench: Bench, bucket: str, seq: int) -> None:
    """A forged or garbled one must not delete data."""
    bench.load("a", 2)
    bench.send()
    bench.load("a", 5)

    assert bench.acknowledge(bucket, seq, window=1, epoch="forged") is None
    assert bench.delivery.counters.false_acknowledgements == 1
    assert bench.delivery.window == FIRST_WINDOW
    assert bench.delivery.counters.epochs == 0


def test_window_bounds_what_is_on_its_way(bench: Bench) -> None:
    """Ingest says how many it takes, over all buckets."""
    bench.load("a", 10)
    assert len(bench.send()) == 10
    bench.acknowledge("a", 5, window=6)
    bench.load("b", 10)

    assert len(bench.send()) == 1
    assert bench.delivery.in_flight == 6


def test_window_of_the_server_has_a_bound(bench: Bench) -> None:
    """MQTT has 65,535 packet ids."""
    bench.load("a")
    bench.send()

    bench.acknowledge("a", 1, window=10**9)

    assert bench.delivery.window == MAX_WINDOW


def test_bytes_on_their_way_are_bounded_and_one_message_always_goes(bench: Bench) -> None:
    """Large messages fill the window earlier, and a very large one still goes alone."""
    bench.load("a", 5, size=MAX_BYTES // 2)
    assert len(bench.send()) == 2

    bench.acknowledge("a", 2)
    bench.load("b", 1, size=2 * MAX_BYTES)
    assert len(bench.send()) == 2


def test_no_more_is_loaded_than_is_needed(bench: Bench) -> None:
    """A backlog of a million stays on disk."""
    bench.load("a", 150)
    assert bench.delivery.get_room() == 2 * FIRST_WINDOW - 150

    bench.load("b", 3, size=MAX_BYTES)
    assert bench.delivery.get_room() == 0


def test_acknowledgement_ahead_of_a_restarted_client_is_taken() -> None:
    """What an earlier process of the outbox sent may be confirmed now, whatever the window.

    A client that only believed in what it sent itself would stand still here for ever.
    """
    bench = Bench(inherited={BucketId("a"): 500})
    bench.connect()
    bench.load("a", 3, first=300)
    bench.send()

    assert bench.acknowledge("a", 500, window=1) == [300, 301, 302]
    bench.load("a", 2, first=303)
    assert bench.send() == []
    bench.load("a", 1, first=501)
    assert bench.send() == [("a", 501, 501)]


def test_acknowledgement_beyond_what_was_sent_tells_of_another_outbox(bench: Bench) -> None:
    """Unless it names another database: then it is late, or forged."""
    bench.load("a", 3)
    bench.delivery.take_due(bench.now)

    def is_beyond(bucket: str, seq: int, epoch: str = "e") -> bool:
        return bench.delivery.is_beyond(Acknowledgement(bucket_id=BucketId(bucket), seq=seq, epoch=epoch, window=1))

    at_first = [is_beyond("a", 3), is_beyond("a", 4), is_beyond("unknown", 1)]
    bench.acknowledge("a", 1)

    assert at_first == [False, True, True]
    assert [is_beyond("a", 4), is_beyond("a", 4, "forged")] == [True, False]


def test_acknowledgement_of_what_an_earlier_process_sent_is_no_sign(bench: Bench) -> None:
    """Up to the last number that the outbox gave."""
    delivery = Delivery(inherited={BucketId("a"): 7}, random=lambda: 0.0)

    def is_beyond(seq: int) -> bool:
        return delivery.is_beyond(Acknowledgement(bucket_id=BucketId("a"), seq=seq, epoch="e", window=1))

    assert (is_beyond(7), is_beyond(8)) == (False, True)
