"""The outbox on a real file system: what is returned is kept, whatever happens to the process or the file."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest

from pulseline_client import outbox as outbox_module
from pulseline_client.outbox import Outbox, OutboxLimits
from pulseline_client.outbox_file import OutboxDamaged
from pulseline_client.outbox_room import Room
from pulseline_client.queued_message import Draft, QueuedMessage
from pulseline_core.errors import (
    Closed,
    DiskFull,
    Misuse,
    NotPermitted,
    OutboxFull,
    OutboxInUse,
    PulselineError,
    StoreUnavailable,
    UnsupportedSchema,
)
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId

PLUG = BucketId("plug")


def build_drafts(count: int = 1, *, bucket_id: BucketId = PLUG, body: bytes = b'{"data":{}}') -> list[Draft]:
    """Return drafts that are all alike."""
    return [Draft(bucket_id=bucket_id, kind=Kind.HEARTBEAT, body=body)] * count


def read_all(outbox: Outbox) -> list[QueuedMessage]:
    """Return what is in the outbox, as the sender of a new process reads it."""
    found: list[QueuedMessage] = []
    while messages := outbox.read_after(found[-1].id if found else 0, limit=7):
        found += messages
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the outbox goes, in a folder that does not exist."""
    return tmp_path / "client" / "outbox.db"


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


def test_file_belongs_to_its_owner_alone(path: Path) -> None:
    """What people do is nobody else's business."""
    with Outbox(path) as outbox:
        outbox.put(build_drafts())
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}

    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_old_file_with_loose_mode_is_tightened(path: Path) -> None:
    """A restored backup may have lost its mode."""
    with Outbox(path):
        pass
    path.chmod(0o644)

    with Outbox(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


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


def put_until_interrupted(outbox: Outbox, after_s: float) -> None:
    """Put one message after the other until a Ctrl-C arrives."""
    interrupt = threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGINT))
    try:
        interrupt.start()
        while True:
            outbox.put(build_drafts())
    except KeyboardInterrupt:
        interrupt.join()


def test_interrupted_caller_leaves_the_outbox_whole(path: Path) -> None:
    """Ctrl-C in the midst of a call: the next call works, and the file has every message once."""
    with Outbox(path) as outbox:
        for n in range(50):
            put_until_interrupted(outbox, 0.0007 * (n % 10))
        (last,) = outbox.put(build_drafts())
        found = read_all(outbox)

    assert [message.seq for message in found] == list(range(1, last.seq + 1))
    assert last.seq > 50


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


@pytest.mark.parametrize("is_opened_first", [True, False], ids=["the copy first", "the original first"])
def test_copy_gets_an_id_of_its_own(path: Path, is_opened_first: bool) -> None:
    """Under the id of its original its messages would look like repeated ones; what is in it stays as it is."""
    with Outbox(path) as outbox:
        original = outbox.publisher
        outbox.put(build_drafts(3))
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    order = (copy, path) if is_opened_first else (path, copy)

    publishers, found = {}, {}
    for place in order:
        with Outbox(place) as outbox:
            publishers[place] = outbox.publisher
            found[place] = [message.seq for message in read_all(outbox)]

    assert publishers[path] == original != publishers[copy]
    assert found == {path: [1, 2, 3], copy: [1, 2, 3]}
    with Outbox(copy) as outbox:
        assert outbox.publisher == publishers[copy]


@pytest.mark.parametrize("is_replaced", [True, False])
def test_outbox_whose_file_is_gone_takes_nothing(path: Path, is_replaced: bool) -> None:
    """Nobody would ever find what is put into a file without a name."""
    with Outbox(path) as outbox:
        outbox.put(build_drafts())
        path.unlink()
        if is_replaced:
            path.write_bytes(b"")

        with pytest.raises(StoreUnavailable, match="was removed or replaced"):
            outbox.put(build_drafts())


def test_outbox_of_the_first_schema_keeps_its_id(path: Path) -> None:
    """It did not remember where it lies."""
    with Outbox(path) as outbox:
        publisher = outbox.publisher
    with closing(sqlite3.connect(path)) as file:
        file.executescript("ALTER TABLE publisher DROP COLUMN inode; PRAGMA user_version = 1")

    with Outbox(path) as outbox:
        assert outbox.publisher == publisher


def test_second_open_is_refused(path: Path) -> None:
    """Two senders of one sequence would lose events."""
    with Outbox(path), pytest.raises(OutboxInUse, match="in use by another process"):
        Outbox(path).__enter__()
    with Outbox(path):
        pass


def test_second_process_is_refused_until_the_first_is_killed(path: Path) -> None:
    """The lock dies with its process."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.client.putter", str(path), "1"],
        stdout=subprocess.PIPE,
        env=build_environment(),
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(OutboxInUse):
            Outbox(path).__enter__()
        process.kill()
        process.stdout.read()

    with Outbox(path) as outbox:
        assert outbox.messages > 0


def build_environment() -> dict[str, str]:
    """Return an environment in which a child finds this project."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def test_opened_before_a_fork_it_refuses_the_child(path: Path) -> None:
    """A child would share file positions and locks that SQLite relies on."""
    with Outbox(path) as outbox:
        context = multiprocessing.get_context("fork")
        answers = context.SimpleQueue()

        def put_in_child() -> None:
            try:
                outbox.put(build_drafts())
            except Misuse as error:
                answers.put(str(error))

        child = context.Process(target=put_in_child)
        child.start()
        child.join()
        assert "fork" in answers.get()
        outbox.put(build_drafts())


@pytest.mark.parametrize("threads", [1, 8])
def test_every_put_that_returned_is_there_after_kill_9(path: Path, threads: int) -> None:
    """Over several lives: nothing promised is missing, and each bucket's numbers follow one another."""
    promised: dict[str, set[int]] = defaultdict(set)
    for lines in (50, 400, 1000):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.integration.client.putter", str(path), str(threads)],
            stdout=subprocess.PIPE,
            env=build_environment(),
        ) as process:
            assert process.stdout is not None
            written = [process.stdout.readline() for _ in range(lines)]
            process.send_signal(signal.SIGKILL)
            written += process.stdout.readlines()
        for line in written:
            bucket, _, seq = line.decode().partition(" ")
            assert int(seq) not in promised[bucket], "a number was given twice"
            promised[bucket].add(int(seq))

    with Outbox(path) as outbox:
        kept: dict[str, list[int]] = defaultdict(list)
        for message in read_all(outbox):
            kept[message.bucket_id].append(message.seq)
    for bucket, seqs in promised.items():
        oldest = kept[bucket][0]
        assert kept[bucket] == list(range(oldest, kept[bucket][-1] + 1))
        assert max(seqs) <= kept[bucket][-1]
        assert oldest <= max(seqs) - 9, "something was deleted that was not confirmed"


def test_threads_share_commits(path: Path) -> None:
    """Sixteen threads put together, and none waits for sixteen syncs."""
    commits = 0
    with Outbox(path) as outbox:
        write = outbox._write

        def count_commits(connection: sqlite3.Connection, group: outbox_module._Group) -> list[int]:
            nonlocal commits
            commits += 1
            return write(connection, group)

        outbox._write = count_commits  # type: ignore[method-assign]  # counts what it calls

        def put() -> None:
            for _ in range(50):
                outbox.put(build_drafts())

        threads = [threading.Thread(target=put) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [message.seq for message in read_all(outbox)] == list(range(1, 801))

    assert commits < 400


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


def damage_header(path: Path) -> None:
    """Overwrite the beginning."""
    content = path.read_bytes()
    path.write_bytes(b"not a database at all" + content[21:])


def damage_middle(path: Path) -> None:
    """Overwrite pages of the table."""
    content = bytearray(path.read_bytes())
    content[8192:40_000] = b"\xa5" * (40_000 - 8192)
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    """Lose the second half, as a failing disk does."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("damage", [damage_header, damage_middle, cut_off])
def test_damaged_file_is_moved_aside_and_a_new_one_begun(
    path: Path, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is deleted, the log says what happened, and the new outbox is another publisher."""
    with Outbox(path) as outbox:
        publisher = outbox.publisher
        outbox.put(build_drafts(500, body=b"x" * 300))
    assert callable(damage)
    damage(path)
    damaged = path.read_bytes()

    with Outbox(path) as outbox:
        assert outbox.publisher != publisher
        assert outbox.messages == 0
        outbox.put(build_drafts())

    (aside,) = path.parent.glob("outbox.db.damaged-*[!wm]")
    assert aside.read_bytes()[:8192] == damaged[:8192]
    assert "is damaged" in caplog.text
    assert aside.name in caplog.text


def test_empty_file_becomes_an_outbox(path: Path) -> None:
    """A power cut may leave a file without content."""
    path.parent.mkdir()
    path.touch()

    with Outbox(path) as outbox:
        outbox.put(build_drafts())


def test_damage_that_shows_later_has_a_name(path: Path) -> None:
    """The error says what to do; the file is larger than what SQLite keeps in memory."""
    with Outbox(path) as outbox:
        outbox.put(build_drafts(15_000, body=b"x" * 300))
    with Outbox(path) as outbox:
        damage_middle(path)
        with pytest.raises(OutboxDamaged, match="is damaged") as caught:
            read_all(outbox)

    assert "open it again" in caught.value.hint


def test_newer_schema_is_refused(path: Path) -> None:
    """A newer version may keep what we would overlook."""
    with Outbox(path):
        pass
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()

    with pytest.raises(UnsupportedSchema, match="version 7"):
        Outbox(path).__enter__()
    assert list(path.parent.glob("*damaged*")) == []


@pytest.mark.parametrize("kind", ["a folder", "below a file"])
def test_place_that_can_not_be_used_has_a_clear_error(path: Path, kind: str) -> None:
    """No error of SQLite's comes out."""
    if kind == "a folder":
        path.mkdir(parents=True)
    else:
        path.parent.touch()

    with pytest.raises(NotPermitted):
        Outbox(path).__enter__()
