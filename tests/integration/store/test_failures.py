"""What goes wrong with files and disks: the error says what, nothing half is stored, and it goes on by itself."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pulseline_core.errors import Misuse, NotPermitted, PulselineError, StoreUnavailable
from pulseline_core.store import open_reader, open_store, sqlite
from tests.contract.store.samples import BUCKET, MINUTE, beat, get_row, insert, make_event
from tests.integration.store.children import run_child

#: Fills the disk, counts what was committed, makes room, and goes on with the same store.
_FILL = """
kind, stored, failures = sys.argv[2], 0, set()
ballast = path.with_name("ballast")
if kind == "tmpfs":
    ballast.write_bytes(bytes(512 * 1024))
store = open_store(path)
if kind == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
for number in range(3000):
    try:
        with store.transaction() as tx:
            tx.insert_events(get_row(tx), [make_event(number, data={"text": f"{number} " * 2000})])
            tx.set_watermark("publisher", BUCKET, stored + 1)
        stored += 1
    except PulselineError as error:
        failures.add(type(error).__name__)
        if number > stored + 5:
            break
    with store.transaction() as tx:
        assert tx.get_watermark("publisher", BUCKET) == stored, (stored, number)
if kind == "tmpfs":
    ballast.unlink()
else:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
beat(store, make_event(10_000), make_event(10_001))
with open_reader(path) as reader:
    assert reader.count_events(BUCKET) == stored + 1, (reader.count_events(BUCKET), stored)
store.close()
print(stored > 10, *failures)
"""


def _can_mount() -> bool:
    command = ["unshare", "-r", "-m", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, check=False).returncode == 0


#: A small disk of its own where the system lets us mount one, and a limit on the size of files everywhere.
FULL_DISKS = ["limit", *(["tmpfs"] if _can_mount() else [])]


@pytest.mark.parametrize("kind", FULL_DISKS)
def test_a_full_disk_stores_nothing_half_and_goes_on_when_there_is_room(path: Path, kind: str) -> None:
    """Every write says ``DiskFull``; what was committed before is there, and later commits work."""
    path.parent.mkdir()
    mount = f'mount -t tmpfs -o size=3m tmpfs {path.parent} && exec "$@"'
    prefix = ("unshare", "-r", "-m", "sh", "-c", mount, "sh") if kind == "tmpfs" else ()

    ended = run_child(_FILL, path, kind, prefix=prefix)

    assert (ended.stdout, ended.returncode) == ("True DiskFull\n", 0), ended.stderr


def test_a_full_disk_at_the_start_says_so(path: Path) -> None:
    """Before there is a database."""
    program = """
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    open_store(path)
except PulselineError as error:
    print(type(error).__name__)
"""
    assert run_child(program, path).stdout == "DiskFull\n"


#: Commits one event after another, whatever the disk does, and says which commits were reported as done.
_COMMIT = """
store = open_store(path)
done, failures = [], set()
for number in range(60):
    try:
        with store.transaction() as tx:
            tx.insert_events(get_row(tx), [make_event(number, data={"text": f"{number} " * 500})])
        done.append(number)
    except PulselineError as error:
        failures.add(type(error).__name__)
store.close()
print(*done)
print(*sorted(failures))
"""


@pytest.mark.parametrize(("call", "first"), [("pwrite64", 60), ("pwrite64", 61), ("fdatasync", 10), ("fdatasync", 11)])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_commit_that_the_disk_refuses_is_not_stored(path: Path, call: str, first: int, error: str) -> None:
    """Every seventh write or sync fails: what was reported as done is there, and nothing else."""
    inject = f"inject={call}:error={error}:when={first}+7"

    ended = run_child(_COMMIT, path, prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", inject))

    done, failures = ended.stdout.splitlines()
    assert set(failures.split()) <= {"StoreUnavailable", "DiskFull"}
    assert failures
    with open_reader(path) as reader:
        stored = sorted(int(str(event.data["text"]).split()[0]) for event in reader.read_events(BUCKET))
    assert stored == [int(number) for number in done.split()]


_AS_NOBODY = """
if os.geteuid() == 0:
    os.setuid(65534)
for call in (open_store, lambda path: open_reader(path).read_buckets()):
    try:
        call(path)
    except PulselineError as error:
        print(type(error).__name__, str(error).replace(str(path.parent), "FOLDER"))
"""


@contextmanager
def _make_public_folder() -> Iterator[Path]:
    """Make a folder that other users reach, which ``tmp_path`` is not."""
    made = subprocess.run(["mktemp", "-d", "/tmp/pulseline-XXXXXX"], capture_output=True, text=True, check=True)
    folder = Path(made.stdout.strip())
    try:
        yield folder
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_a_folder_that_may_not_be_written_is_not_permitted() -> None:
    """Without a database in it, and with one."""
    with _make_public_folder() as folder:
        folder.chmod(0o555)
        empty = run_child(_AS_NOBODY, folder / "pulseline.db")
        folder.chmod(0o755)
        open_store(folder / "pulseline.db").close()
        (folder / "pulseline.db").chmod(0o666)
        folder.chmod(0o555)
        full = run_child(_AS_NOBODY, folder / "pulseline.db")

    assert empty.stdout.splitlines()[0].startswith("NotPermitted no access to 'FOLDER/pulseline.db': permission denied")
    assert empty.stdout.splitlines()[1].startswith("StoreUnavailable database 'FOLDER/pulseline.db' does not exist yet")
    assert full.stdout.splitlines()[0] == "NotPermitted no access to 'FOLDER': the folder is read-only for this user"


def test_a_file_of_another_user_is_not_permitted() -> None:
    """For writing or reading."""
    with _make_public_folder() as folder:
        folder.chmod(0o777)
        open_store(folder / "pulseline.db").close()
        (folder / "pulseline.db").chmod(0o600 if os.geteuid() == 0 else 0o000)

        ended = run_child(_AS_NOBODY, folder / "pulseline.db")

    line = "NotPermitted no access to 'FOLDER/pulseline.db': the file is read-only for this user"
    assert ended.stdout.splitlines() == [line, line]


def test_a_folder_in_the_file_s_place_is_not_permitted(path: Path) -> None:
    """It says that it is no file."""
    path.mkdir(parents=True)

    with pytest.raises(NotPermitted, match="not a file"):
        open_store(path)


def _write_text(path: Path) -> None:
    path.write_text("These are my notes, not a database.\n" * 100)


def _write_other_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE notes (text)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("write", [_write_text, _write_other_database], ids=["text", "other database"])
def test_a_file_that_is_not_ours_is_left_alone(path: Path, write: Callable[[Path], None]) -> None:
    """The error names it, and not a byte of it is changed."""
    path.parent.mkdir()
    write(path)
    before = path.read_bytes()

    with pytest.raises(StoreUnavailable, match=r"pulseline\.db' is not a Pulseline database"):
        open_store(path)
    with open_reader(path) as reader, pytest.raises(StoreUnavailable, match="is not a Pulseline database"):
        reader.read_buckets()

    assert path.read_bytes() == before


def test_a_damaged_file_is_named(path: Path) -> None:
    """Reads and writes that meet the damage say so; they do not answer something wrong."""
    with open_store(path) as store:
        insert(store, *(make_event(number, data={"number": number}) for number in range(2000)))
    content = bytearray(path.read_bytes())
    content[8192:-4096] = os.urandom(len(content) - 8192 - 4096)
    path.write_bytes(content)

    with open_reader(path) as reader, pytest.raises(StoreUnavailable, match=r"pulseline\.db' is damaged"):
        reader.read_events(BUCKET)


def test_a_locked_database_is_waited_for_and_then_unavailable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads go on meanwhile; when the lock is gone, so is the trouble."""
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT_S", 0.05)
    with open_store(path) as store, open_reader(path) as reader:
        beat(store, make_event(0))
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreUnavailable, match="is locked by another program"):
            beat(store, make_event(10))
        assert reader.count_events(BUCKET) == 1

        other.rollback()
        other.close()
        beat(store, make_event(20))
        assert reader.read_events(BUCKET) == [*beat(store, make_event(20))]


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _count_in_copy(path: Path) -> int:
    """Return how many events a copy of the files has, as after a power cut."""
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    shutil.copy(_log(path), _log(copy))
    with open_reader(copy) as reader:
        return reader.count_events(BUCKET)


def test_a_replaced_database_is_not_written_past(path: Path, tmp_path: Path) -> None:
    """What the writer has open is no file any more, so nothing may be acknowledged."""
    other = tmp_path / "other.db"
    open_store(other).close()

    with open_store(path) as store:
        insert(store, make_event(0))
        other.replace(path)

        with pytest.raises(StoreUnavailable, match="was moved or replaced while it was open"):
            insert(store, make_event(5))


def test_a_log_that_is_deleted_loses_nothing(path: Path) -> None:
    """What was committed to it is saved; what comes after is in a log that has a name."""
    with open_store(path) as store, open_reader(path) as reader:
        insert(store, make_event(0))
        assert reader.count_events(BUCKET) == 1

        _log(path).unlink()
        insert(store, make_event(1))
        insert(store, make_event(2))

        assert reader.count_events(BUCKET) == 3
        assert _count_in_copy(path) == 3


def test_a_deleted_log_is_kept_open_while_a_reader_needs_it(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Until it has ended nothing can be committed; then it goes on by itself."""
    with open_store(path) as store, open_reader(path) as reader:
        insert(store, make_event(0))
        with reader._pool.read() as connection:
            connection.fetch_one("SELECT COUNT(*) FROM event")
            insert(store, make_event(1))
            _log(path).unlink()
            with pytest.raises(StoreUnavailable, match="was deleted, and readers still need it"):
                insert(store, make_event(2))

        insert(store, make_event(3))

        assert reader.count_events(BUCKET) == 3
        assert "what it held is saved" in caplog.text


@pytest.mark.parametrize("deleted", [["-shm"], ["-wal", "-shm"]], ids=["index", "log and index"])
def test_a_deleted_index_takes_a_restart(path: Path, deleted: list[str]) -> None:
    """Nothing is committed beside those who still have the old one; what was committed is there after it."""
    with open_store(path) as store, open_reader(path) as reader:
        insert(store, make_event(0))
        assert reader.count_events(BUCKET) == 1
        for suffix in deleted:
            path.with_name(path.name + suffix).unlink()

        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="was moved or replaced while it was open"):
                insert(store, make_event(1))

    with open_store(path) as store, open_reader(path) as reader:
        insert(store, make_event(2))
        assert reader.count_events(BUCKET) == 2


@pytest.mark.parametrize("failure", [NotPermitted("place", "why"), Misuse("bug")], ids=["set-up", "bug"])
def test_a_commit_that_held_is_not_reported_as_failed(
    path: Path, monkeypatch: pytest.MonkeyPatch, failure: PulselineError
) -> None:
    """Whatever tidying up after it meets: it would be applied again."""

    def fail(*_: object) -> None:
        raise failure

    with open_store(path) as store, open_reader(path) as reader:
        monkeypatch.setattr(sqlite.SqliteBackend, "tidy", fail)

        insert(store, make_event(0))

        assert reader.count_events(BUCKET) == 1


def test_a_reader_follows_when_the_database_is_replaced(path: Path, tmp_path: Path) -> None:
    """As when a backup is put in its place between two runs of the writer."""
    other = tmp_path / "other.db"
    with open_store(other) as store:
        insert(store, make_event(0), make_event(1))
    with open_store(path) as store, open_reader(path) as reader:
        insert(store, make_event(0))
        assert reader.count_events(BUCKET) == 1
        store.close()

        other.replace(path)

        assert reader.count_events(BUCKET) == 2


def test_after_a_failure_nothing_more_is_written_in_the_transaction(path: Path) -> None:
    """A caller that catches the error and goes on stores nothing, and the next transaction works."""
    with open_store(path) as store, open_reader(path) as reader:
        beat(store, make_event(0))

        with pytest.raises(StoreUnavailable, match="the transaction is lost"), store.transaction() as tx:  # noqa: PT012
            with pytest.raises(StoreUnavailable):
                tx._connection.change("UPDATE nowhere SET x = 1")
            tx.insert_events(get_row(tx), [make_event(100)])

        beat(store, make_event(30), pulsetime=MINUTE)
        (event,) = reader.read_events(BUCKET)
        assert event.duration == MINUTE / 2


def test_a_failure_that_is_caught_still_undoes_the_transaction(path: Path) -> None:
    """Even if nothing else is asked of it, the commit is refused."""
    with open_store(path) as store, open_reader(path) as reader:
        beat(store, make_event(0))

        with pytest.raises(StoreUnavailable), store.transaction() as tx:  # noqa: PT012
            tx.insert_events(get_row(tx), [make_event(100)])
            with pytest.raises(Misuse):
                tx._connection.change("INSERT INTO event (bucket_id, start_us, end_us, data_id) VALUES (99, 0, 0, 99)")

        assert reader.count_events(BUCKET) == 1
