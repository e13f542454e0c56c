"""A broker that closes the connection at what it refuses: the delivery finds the bucket, and accuses no other."""

from __future__ import annotations

from collections.abc import Sequence

from tests.unit.client.delivery_bench import Bench


def refuse(bench: Bench, refused: Sequence[str], *, rounds: int) -> list[int]:
    """Play a broker that closes the connection at messages of some buckets and acknowledges all before.

    Returns:
        The seqs that the delivery took for refused.
    """
    found: list[int] = []
    for _ in range(rounds):
        bench.now += 0.5
        bench.connect()
        for _ in range(10):
            sent = bench.send()
            bad = next((place for place, item in enumerate(sent) if item[0] in refused), None)
            for bucket, seq, _ in sent[:bad]:
                bench.acknowledge(bucket, seq)
            if bad is not None:
                break
        found += bench.lose(0.01)
    return found


def test_refused_bucket_does_not_hold_up_the_others() -> None:
    """The broker closes the connection at its messages; the lanes are tried one by one until it is found."""
    bench = Bench()
    bench.load("bad", 3)
    bench.load("good", 30)

    found = refuse(bench, ["bad"], rounds=8)

    assert found == [1]
    assert bench.delivery.counters.refusals >= 2
    bench.connect()
    bench.load("good", 5)
    assert bench.send() == [("good", 31, 31)]


def test_refused_bucket_is_tried_again_and_recovers() -> None:
    """Once the right is given everything goes out, in order."""
    bench = Bench()
    bench.load("bad", 3)
    refuse(bench, ["bad"], rounds=8)
    bench.connect()

    bench.now += 60.0
    assert bench.send() == [("bad", 1, 1)]
    assert bench.acknowledge("bad", 1) == [1]
    assert bench.send() == [("bad", 2, 2), ("bad", 3, 2)]


def test_ends_with_a_known_reason_accuse_nobody(bench: Bench) -> None:
    """The store fails, say: however short the connections are, each goes on with all buckets."""
    bench.load("a")
    bench.load("b")
    for _ in range(10):
        bench.send()
        bench.now += 0.1
        assert bench.delivery.disconnect(bench.now, is_excused=True) == []
        bench.connect()

    assert bench.delivery.counters.refusals == 0
    assert bench.send() == [("a", 1, 1), ("b", 1, 1)]


def test_restarts_of_the_broker_accuse_nobody(bench: Bench) -> None:
    """Connections that lived for a while were not closed because of a message."""
    bench.load("a", 2)
    for _ in range(10):
        bench.send()
        bench.lose(after_s=60.0)
        bench.connect()

    assert bench.delivery.counters.refusals == 0
    assert bench.send() == [("a", 1, 1)]


def test_a_bad_network_parks_nobody(bench: Bench) -> None:
    """A broker closes at once at what it refuses; a connection that ends later ends for another reason."""
    bench.load("a", 2)
    for _ in range(10):
        assert bench.send()[0] == ("a", 1, 1)
        bench.lose(after_s=2.0)
        bench.connect()

    assert bench.delivery.counters.refusals == 0
    assert bench.acknowledge("a", 1) == [1]


def test_second_loss_without_a_connection_changes_nothing(bench: Bench) -> None:
    """An attempt that failed is no loss."""
    bench.load("a")
    bench.lose()

    assert bench.lose() == []
