"""The outbox on a real file system: what is returned is kept, numbered, and found again; how much there is room for."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulseline_client import outbox as outbox_module
from pulseline_client.outbox import Outbox, OutboxLimits
from pulseline_client.outbox_room import Room
from pulseline_core.errors import Closed, DiskFull, OutboxFull, PulselineError, StoreUnavailable
from pulseline_core.types import BucketId
from tests.integration.client.outbox_messages import PLUG, build_drafts, read_all


def test_messages_survive_and_come_back_in_order(path: Path) -> None:
    """Another process finds the same messages, numbers and publisher."""
    with Outbox(path) as outbox:
        publisher = outbox.publisher
        put = outbox.put(build_drafts(10)) + outbox.put(build_drafts(5, bucket_id=BucketId("é")))

    with Outbox(path) as outbox:
        assert read_all(outbox) == put
        assert outbox.publisher == publisher
        assert outbox.inherited == {"plug": 10, "é": 5}
        assert (outbox.messages, outbox.last_id) == (15, 15)


def test_each_bucket_counts_from_one(path: Path) -> None:
    """Ids count over all buckets, seqs within each."""
    with Outbox(path) as outbox:
        outbox.put(build_drafts(2))
        (other,) = outbox.put(build_drafts(bucket_id=BucketId("other")))
        (last,) = outbox.put(build_drafts())

    assert (other.id, other.seq, last.id, last.seq) == (3, 1, 4, 3)


def test_numbers_go_on_after_the_outbox_ran_empty(path: Path) -> None:
    """A seq that is given twice would look like a repeated message, and its event would vanish."""
    with Outbox(path) as outbox:
        outbox.put(build_drafts(3))
        outbox.discard(PLUG, 3)
        outbox.commit()
        assert outbox.messages == 0

    with Outbox(path) as outbox:
        (message,) = outbox.put(build_drafts())

    assert message.seq == 4


def test_discarded_messages_go_with_the_next_commit(path: Path) -> None:
    """A deletion costs no sync of its own."""
    with Outbox(path) as outbox:
        outbox.put(build_drafts(5))
        outbox.discard(PLUG, 3)
        outbox.discard(PLUG, 2)
        assert outbox.messages == 5

        outbox.put(build_drafts())
        assert outbox.messages == 3

    with Outbox(path) as outbox:
        assert [message.seq for message in read_all(outbox)] == [4, 5, 6]


def test_discards_are_committed_at_close(path: Path) -> None:
    """An orderly end leaves nothing to send twice."""
    with Outbox(path) as outbox:
        outbox.put(build_drafts(5))
        outbox.discard(PLUG, 5)

    with Outbox(path) as outbox:
        assert read_all(outbox) == []


@pytest.mark.parametrize("count", [1, 10_000])
def test_reader_sees_everything_whether_it_keeps_up_or_not(path: Path, count: int) -> None:
    """From memory or from the file: the same messages in the same order."""
    with Outbox(path) as outbox:
        seen: list[int] = []
        outbox.put(build_drafts(count))
        for _ in range(3):
            while messages := outbox.read_after(seen[-1] if seen else 0, limit=500):
                seen += [message.id for message in messages]
            outbox.put(build_drafts(3))
        seen += [message.id for message in outbox.read_after(seen[-1], limit=500)]

    assert seen == list(range(1, count + 10))


def test_reading_is_bounded_in_bytes(path: Path) -> None:
    """Large messages do not fill the memory."""
    body = b'{"data":"%s"}' % (b"x" * 250_000)
    with Outbox(path) as outbox:
        outbox.put(build_drafts(50, body=body))
        messages = outbox.read_after(0, limit=500)

    assert len(messages) * len(body) < outbox_module.READ_BYTES + 2 * len(body)


def test_bucket_is_read_from_a_seq_on(path: Path) -> None:
    """What the sender passed over is found again."""
    with Outbox(path) as outbox:
        for _ in range(3):
            outbox.put(build_drafts(2))
            outbox.put(build_drafts(2, bucket_id=BucketId("other")))
        messages = outbox.read_bucket_after(PLUG, 3, limit=2)

    assert [(message.bucket_id, message.seq) for message in messages] == [("plug", 4), ("plug", 5)]


def test_full_outbox_says_so_and_takes_again_when_there_is_room(path: Path) -> None:
    """The bound counts messages."""
    with Outbox(path, limits=OutboxLimits(max_messages=3)) as outbox:
        outbox.put(build_drafts(2))
        with pytest.raises(OutboxFull, match="2 messages"):
            outbox.put(build_drafts(2))
        outbox.put(build_drafts())
        with pytest.raises(OutboxFull):
            outbox.put(build_drafts())

        outbox.discard(PLUG, 1)
        outbox.commit()
        (message,) = outbox.put(build_drafts())

    assert message.seq == 4


def test_bound_counts_bytes_also_of_an_earlier_process(path: Path) -> None:
    """Few large messages fill it, too."""
    limits = OutboxLimits(max_bytes=1000)
    with Outbox(path, limits=limits) as outbox:
        outbox.put(build_drafts(body=b"x" * 800))

    with Outbox(path, limits=limits) as outbox:
        with pytest.raises(OutboxFull, match="900 bytes"):
            outbox.put(build_drafts())
        outbox.discard(PLUG, 1)
        outbox.commit()
        outbox.put(build_drafts(body=b"x" * 900))


def test_disk_full_takes_nothing_and_leaves_no_gap(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller hears of it, and the next message gets the number."""
    monkeypatch.setattr(Room, "_set_limit", lambda *_: None)
    with Outbox(path) as outbox:
        outbox.put(build_drafts())
        assert outbox._writer is not None
        (pages,) = outbox._writer.execute("PRAGMA page_count").fetchone()
        outbox._writer.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(DiskFull):
            outbox.put(build_drafts(100, body=b"x" * 1000))
        outbox._writer.execute("PRAGMA max_page_count = 1000000")
        (message,) = outbox.put(build_drafts())

        assert (message.id, message.seq, outbox.messages) == (2, 2, 2)


def test_what_was_left_is_told_in_its_order_when_it_is_stored(path: Path) -> None:
    """Whoever left it goes on meanwhile; a commit is where all of it is known."""
    told: list[tuple[list[int], PulselineError | None]] = []
    with Outbox(path) as outbox:
        outbox.leave(build_drafts(2), lambda messages, error: told.append(([m.seq for m in messages], error)))
        outbox.leave(build_drafts(), lambda messages, error: told.append(([m.seq for m in messages], error)))
        outbox.commit()

        assert told == [([1, 2], None), ([3], None)]
        assert [message.seq for message in read_all(outbox)] == [1, 2, 3]


def test_what_was_left_is_kept_at_the_close(path: Path) -> None:
    """Whoever left it may have been told that it is safe."""
    with Outbox(path) as outbox:
        outbox.leave(build_drafts(), lambda _messages, _error: None)
    with Outbox(path) as outbox:
        assert [message.seq for message in read_all(outbox)] == [1]


def test_who_left_something_hears_of_a_failed_commit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room is free again."""
    monkeypatch.setattr(Room, "_set_limit", lambda *_: None)
    told: list[PulselineError | None] = []
    with Outbox(path) as outbox:
        outbox.put(build_drafts())
        assert outbox._writer is not None
        (pages,) = outbox._writer.execute("PRAGMA page_count").fetchone()
        outbox._writer.execute(f"PRAGMA max_page_count = {pages}")
        outbox.leave(build_drafts(100, body=b"x" * 1000), lambda _messages, error: told.append(error))
        with pytest.raises(DiskFull):
            outbox.commit()

        assert [type(error) for error in told] == [DiskFull]
        assert outbox.messages == 1


def test_discards_of_a_failed_commit_are_not_forgotten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made good with the next one."""
    with Outbox(path) as outbox:
        outbox.put(build_drafts(2))
        outbox.discard(PLUG, 1)
        with monkeypatch.context() as patch:
            patch.setattr(outbox_module, "_to_row", lambda _: (1, 2))
            with pytest.raises(StoreUnavailable):
                outbox.put(build_drafts())
        assert outbox.messages == 2
        outbox.commit()

        assert outbox.messages == 1


def test_unexpected_failure_of_a_commit_does_not_pass_for_success(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the writer must not tell the others that their messages are safe, nor lock the outbox up."""
    with Outbox(path) as outbox:
        with monkeypatch.context() as patch:
            patch.setattr(outbox_module, "_to_row", lambda _: (1, 2))
            with pytest.raises(StoreUnavailable):
                outbox.put(build_drafts())
            patch.setattr(outbox, "_number", lambda _: 1 / 0)
            with pytest.raises(StoreUnavailable, match="was not written: division by zero"):
                outbox.put(build_drafts())
        (message,) = outbox.put(build_drafts())

    assert message.seq == 1
    with Outbox(path) as outbox:
        assert read_all(outbox) == [message]


def test_closed_outbox_refuses(path: Path) -> None:
    """Before and after, and closing twice is fine."""
    outbox = Outbox(path)
    with pytest.raises(Closed):
        outbox.put(build_drafts())
    with outbox:
        pass
    outbox.close()

    with pytest.raises(Closed):
        outbox.put(build_drafts())
    with pytest.raises(Closed):
        outbox.read_bucket_after(PLUG, 0, limit=1)
