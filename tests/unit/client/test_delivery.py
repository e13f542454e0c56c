"""The delivery decides what to send; here step by step, with a clock of the test's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from pulseline_client.acknowledgement import Acknowledgement
from pulseline_client.delivery import FIRST_WINDOW, MAX_BYTES, MAX_WINDOW, Delivery
from pulseline_client.queued_message import QueuedMessage
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId


@dataclass
class Bench:
    """A delivery with a clock, and the messages that were put in."""

    inherited: dict[BucketId, int] = field(default_factory=dict)
    now: float = 100.0
    last_id: int = 0
    last_seqs: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.delivery = Delivery(inherited=self.inherited, random=lambda: 0.0)

    def load(self, bucket: str, count: int = 1, *, first: int = 0, size: int = 2) -> list[QueuedMessage]:
        """Load the next messages of a bucket."""
        messages = []
        self.last_seqs[bucket] = first - 1 if first else self.last_seqs.get(bucket, 0)
        for _ in range(count):
            self.last_id += 1
            self.last_seqs[bucket] += 1
            messages.append(
                QueuedMessage(
                    id=self.last_id,
                    bucket_id=BucketId(bucket),
                    seq=self.last_seqs[bucket],
                    kind=Kind.HEARTBEAT,
                    body=b"x" * size,
                )
            )
        self.delivery.load(messages)
        return messages

    def connect(self) -> None:
        """Connect now."""
        self.delivery.connect(self.now)

    def send(self) -> list[tuple[str, int, int]]:
        """Return (bucket, seq, base) of what is due now."""
        due = self.delivery.take_due(self.now)
        return [(item.message.bucket_id, item.message.seq, item.base) for item in due]

    def acknowledge(self, bucket: str, seq: int, *, epoch: str = "e", window: int = 100) -> list[int] | None:
        """Return the seqs that an acknowledgement confirms."""
        acknowledgement = Acknowledgement(bucket_id=BucketId(bucket), seq=seq, epoch=epoch, window=window)
        confirmed = self.delivery.acknowledge(acknowledgement, self.now)
        return None if confirmed is None else [message.seq for message in confirmed]

    def lose(self, after_s: float = 0.1) -> list[int]:
        """Lose the connection; return the seqs that the broker seems to refuse."""
        self.now += after_s
        return [message.seq for message in self.delivery.disconnect(self.now)]


@pytest.fixture
def bench() -> Bench:
    """Return a bench that is connected."""
    made = Bench()
    made.connect()
    return made


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


def test_lane_without_progress_sends_its_oldest_again(bench: Bench) -> None:
    """After a second, alone; when it is confirmed the rest follows."""
    bench.load("a", 3)
    bench.send()

    bench.now += 0.9
    assert bench.send() == []
    bench.now += 0.1
    assert bench.send() == [("a", 1, 1)]
    assert bench.acknowledge("a", 1) == [1]
    assert bench.send() == [("a", 2, 2), ("a", 3, 2)]


def test_late_acknowledgement_of_all_spares_sending_again(bench: Bench) -> None:
    """A worker that was merely slow costs one repeated message."""
    bench.load("a", 3)
    bench.send()
    bench.now += 1.0
    bench.send()

    assert bench.acknowledge("a", 3) == [1, 2, 3]
    assert bench.send() == []
    assert bench.delivery.is_idle


def test_progress_puts_off_sending_again(bench: Bench) -> None:
    """The time counts from the last confirmation of the lane."""
    bench.load("a", 2)
    bench.send()
    bench.now += 0.8
    bench.acknowledge("a", 1)

    bench.now += 0.8
    assert bench.send() == []
    bench.now += 0.2
    assert bench.send() == [("a", 2, 2)]


def test_delays_double_up_to_a_minute(bench: Bench) -> None:
    """A server that is away is asked ever more rarely."""
    bench.load("a")
    bench.send()
    delays = []
    for _ in range(8):
        alarm = bench.delivery.get_next_alarm()
        assert alarm is not None
        delays.append(alarm - bench.now)
        bench.now = alarm
        assert bench.send() == [("a", 1, 1)]

    assert delays == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60])


def test_delays_begin_anew_after_progress(bench: Bench) -> None:
    """Trouble of yesterday does not slow today."""
    bench.load("a", 2)
    bench.send()
    for _ in range(2):
        bench.now = bench.delivery.get_next_alarm() or 0
        bench.send()
    bench.acknowledge("a", 1)

    assert bench.send() == [("a", 2, 2)]
    bench.now += 1.0
    assert bench.send() == [("a", 2, 2)]


def test_lane_that_is_lost_does_not_hide_behind_the_progress_of_others(bench: Bench) -> None:
    """Each lane has its own time."""
    bench.load("a")
    bench.load("b", 20)
    bench.send()
    for seq in range(1, 6):
        bench.now += 0.25
        bench.acknowledge("b", seq)

    assert ("a", 1, 1) in bench.send()


def test_new_connection_begins_with_one_message_of_each_lane(bench: Bench) -> None:
    """Nothing is known of what got through, so the first acknowledgement decides."""
    bench.load("a", 3)
    bench.load("b", 2)
    bench.send()
    bench.lose()
    bench.connect()

    assert bench.send() == [("a", 1, 1), ("b", 1, 1)]
    bench.acknowledge("a", 3)
    bench.acknowledge("b", 1)
    assert bench.send() == [("b", 2, 2)]


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


def test_other_epoch_sends_again_from_the_oldest(bench: Bench) -> None:
    """The database was restored or replaced: it has not seen what is on its way."""
    bench.load("a", 2)
    bench.load("b", 3)
    bench.send()
    bench.acknowledge("a", 1, epoch="first")

    bench.acknowledge("b", 0, epoch="second")

    assert bench.delivery.counters.epochs == 1
    assert sorted(bench.send()) == [("a", 2, 2), ("b", 1, 1)]


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


def test_stalled_lane_gives_its_memory_back_and_gets_it_again(bench: Bench) -> None:
    """After three times in vain the other lanes have the room; what was passed over is asked for when it moves."""
    messages = bench.load("a", 50)
    bench.send()
    for _ in range(3):
        bench.now = bench.delivery.get_next_alarm() or 0
        bench.send()
    assert bench.delivery.get_room() == 2 * FIRST_WINDOW
    more = bench.load("a", 5)
    assert bench.delivery.get_wanted() is None
    assert not bench.delivery.is_idle

    bench.acknowledge("a", 1)
    wanted = bench.delivery.get_wanted()

    assert wanted is not None
    assert (wanted.bucket_id, wanted.seq) == ("a", 1)
    bench.delivery.load_wanted(wanted, [*messages[1:], *more], is_complete=False)
    bench.acknowledge("a", 10)
    again = bench.delivery.get_wanted()
    assert again is not None
    bench.delivery.load_wanted(again, [], is_complete=True)
    assert [seq for _, seq, _ in bench.send()] == list(range(11, 56))
    bench.delivery.load(more)
    assert bench.acknowledge("a", 55) == list(range(11, 56))
    assert bench.delivery.is_idle


def test_any_number_of_stalled_lanes_leaves_room_for_a_good_one(bench: Bench) -> None:
    """What is refused for ever may lie there; it takes no room, nor does what is confirmed later give it back twice."""
    for n in range(3 * FIRST_WINDOW):
        bench.load(f"refused-{n}", size=1000)
        bench.send()
        while not bench.delivery._lanes[BucketId(f"refused-{n}")].is_stalled:
            bench.now = bench.delivery.get_next_alarm() or 0
            bench.send()
    room = bench.delivery.get_room()
    for n in range(3 * FIRST_WINDOW):
        bench.acknowledge(f"refused-{n}", 1)

    assert room == bench.delivery.get_room() == 2 * FIRST_WINDOW
    assert bench.delivery._loaded_bytes == 0


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
