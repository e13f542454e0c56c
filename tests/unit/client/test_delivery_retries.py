"""What the delivery sends again, and when: without progress, over a new connection, to another database."""

from __future__ import annotations

import pytest

from pulseline_client.delivery import FIRST_WINDOW
from pulseline_core.types import BucketId
from tests.unit.client.delivery_bench import Bench


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


def test_other_epoch_sends_again_from_the_oldest(bench: Bench) -> None:
    """The database was restored or replaced: it has not seen what is on its way."""
    bench.load("a", 2)
    bench.load("b", 3)
    bench.send()
    bench.acknowledge("a", 1, epoch="first")

    bench.acknowledge("b", 0, epoch="second")

    assert bench.delivery.counters.epochs == 1
    assert sorted(bench.send()) == [("a", 2, 2), ("b", 1, 1)]


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
