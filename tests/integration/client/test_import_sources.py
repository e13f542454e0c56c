"""What a user names, opened: files and folders that are never changed, and running servers."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from pulseline_client.importing.database_copy import DatabaseBusy
from pulseline_client.importing.importer import BATCH_EVENTS, Importer
from pulseline_client.importing.opening import open_source
from pulseline_client.importing.source import Refusal
from pulseline_core.errors import BadInput, NotAuthorized, NotFound, ServerUnavailable
from pulseline_core.event import Event
from pulseline_core.types import JSONObject, JSONValue
from tests.integration.scripted_http import Answer, Request, build_answer, serve
from tests.unit.client.importing.fake_target import FakeTarget
from tests.unit.client.importing.samples import EVENTS, NOW, WINDOW, build_peewee, build_rust, read_all

ALL = {WINDOW: list(EVENTS)}


def read(name: object, **options: str) -> dict[str, list[Event | Refusal]]:
    """Return the events of what a user names."""
    with open_source(str(name), **options) as source:
        return read_all(source)


def look_at(folder: Path) -> dict[str, tuple[str, int]]:
    """Return name, content and time of every file in a folder."""
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in folder.iterdir()
    }


def build_export() -> JSONObject:
    """Return an export with the sample events."""
    events: list[JSONValue] = []
    for event in EVENTS:
        described = event.to_json()
        del described["id"]
        events.append(described)
    bucket: JSONObject = {"id": WINDOW, "type": "t", "client": "c", "hostname": "h", "created": None, "events": events}
    return {"buckets": {WINDOW: bucket}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder."""
    path = tmp_path / "activitywatch"
    path.mkdir()
    return path


@pytest.mark.parametrize("build", [build_peewee, build_rust])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_is_read_and_its_folder_stays_as_it_is(
    folder: Path, build: Callable[[sqlite3.Connection], None], journal: str
) -> None:
    """Opening one in WAL mode would leave files beside it."""
    path = folder / "database.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        build(connection)
    before = look_at(folder)

    events = read(path)

    assert events == ALL
    assert look_at(folder) == before
    assert [*before] == ["database.db"]


@pytest.mark.parametrize("build", [build_peewee, build_rust])
def test_what_is_only_in_the_wal_is_read_while_a_server_has_the_database(
    folder: Path, build: Callable[[sqlite3.Connection], None]
) -> None:
    """Committed but not merged counts; what is not committed yet does not; no file changes."""
    with closing(sqlite3.connect(folder / "sqlite.db")) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        build(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        table = "eventmodel" if build is build_peewee else "events"
        connection.execute(f"DELETE FROM {table} WHERE id = 1")
        connection.commit()
        connection.execute(f"DELETE FROM {table}")
        before = look_at(folder)

        events = read(folder)

        assert events == {WINDOW: list(EVENTS[:3])}
        assert look_at(folder) == before
        assert {*before} == {"sqlite.db", "sqlite.db-wal", "sqlite.db-shm"}


def test_the_wal_beside_what_a_link_leads_to_is_read(folder: Path, tmp_path: Path) -> None:
    """A data folder that was moved to another disk leaves a link to the file behind, and no link to its log."""
    (tmp_path / "link.db").symlink_to(folder / "sqlite.db")
    with closing(sqlite3.connect(folder / "sqlite.db")) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        build_rust(connection, EVENTS[:1])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row = connection.execute("SELECT bucketrow, starttime, endtime, data FROM events").fetchone()
        connection.execute("INSERT INTO events (bucketrow, starttime, endtime, data) VALUES (?, ?, ?, ?)", row)
        connection.commit()

        events = read(tmp_path / "link.db")

    assert events == {WINDOW: [EVENTS[0], EVENTS[0]]}


def test_what_a_crash_left_in_a_journal_is_taken_back(folder: Path, tmp_path: Path) -> None:
    """In the copy; the crashed database stays as the crash left it."""
    running = tmp_path / "running.db"
    with closing(sqlite3.connect(running)) as connection:
        build_peewee(connection, EVENTS[2:3] * 5000)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("UPDATE eventmodel SET datastr = '[]'")
        for suffix in ("", "-journal"):
            (folder / f"peewee.db{suffix}").write_bytes(Path(f"{running}{suffix}").read_bytes())
    before = look_at(folder)

    events = read(folder / "peewee.db")

    assert events == {WINDOW: list(EVENTS[2:3] * 5000)}
    assert look_at(folder) == before


def test_a_database_that_is_written_meanwhile_is_copied_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the one state and half of the other would be no database."""
    path = folder / "sqlite.db"
    with closing(sqlite3.connect(path)) as connection:
        build_rust(connection, EVENTS[:1])
    copies: list[Path] = []

    def copy_and_write(source: Path, target: Path) -> None:
        copies.append(source)
        target.write_bytes(source.read_bytes())
        if len(copies) == 1:
            path.unlink()
            with closing(sqlite3.connect(path)) as connection:
                build_rust(connection)

    monkeypatch.setattr("shutil.copyfile", copy_and_write)

    assert read(path) == ALL
    assert copies == [path, path]


def test_a_database_that_is_always_written_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the way out."""
    path = folder / "sqlite.db"
    with closing(sqlite3.connect(path)) as connection:
        build_rust(connection)
    monkeypatch.setattr("shutil.copyfile", lambda *_: os.utime(path, ns=(0, path.stat().st_mtime_ns + 1)))

    with pytest.raises(DatabaseBusy, match="changed each time") as caught:
        read(path)

    assert "server's address" in caught.value.hint


@pytest.mark.parametrize("place", ["", "aw-server", "aw-server-rust"])
def test_a_data_folder_stands_for_the_database_in_it(folder: Path, place: str) -> None:
    """ActivityWatch's own, or that of one of its servers."""
    (folder / place).mkdir(exist_ok=True)
    with closing(sqlite3.connect(folder / place / "sqlite.db")) as connection:
        build_rust(connection)

    assert read(folder) == ALL


def test_a_folder_with_two_databases_is_a_question(folder: Path) -> None:
    """Both servers were in use: which one is meant?"""
    for name in ("aw-server/peewee-sqlite.v2.db", "aw-server-rust/sqlite.db"):
        (folder / name).parent.mkdir()
        (folder / name).touch()

    with pytest.raises(BadInput, match="holds 2 databases") as caught:
        read(folder)

    assert "peewee-sqlite.v2.db' and '" in caught.value.hint


def test_a_folder_without_a_database_is_told(folder: Path) -> None:
    """Not an empty import."""
    with pytest.raises(BadInput, match="holds no database of ActivityWatch"):
        read(folder)


def test_a_file_that_does_not_exist_is_told(folder: Path) -> None:
    """Exit code 9."""
    with pytest.raises(NotFound, match=r"no file '.*missing.json' exists"):
        read(folder / "missing.json")


def test_another_program_s_database_is_refused(folder: Path) -> None:
    """Without its tables there is nothing to import."""
    with closing(sqlite3.connect(folder / "other.db")) as connection:
        connection.execute("CREATE TABLE notes (text)")

    with pytest.raises(BadInput, match="is not one of ActivityWatch's"):
        read(folder / "other.db")


def test_a_damaged_database_is_told(folder: Path) -> None:
    """In SQLite's words."""
    path = folder / "sqlite.db"
    with closing(sqlite3.connect(path)) as connection:
        build_rust(connection)
    path.write_bytes(path.read_bytes()[:5000])

    with pytest.raises(BadInput, match=r"database '.*sqlite.db' can not be read: database disk image is malformed"):
        read(path)


@pytest.mark.parametrize("build", [build_peewee, build_rust])
def test_what_lies_before_the_damage_is_imported(folder: Path, build: Callable[..., None]) -> None:
    """To the last event that can be read, also of a batch that is not full."""
    events = [replace(EVENTS[0], timestamp=NOW - timedelta(seconds=n), data={"text": "x" * 100}) for n in range(5000)]
    path = folder / "database.db"
    with closing(sqlite3.connect(path)) as connection:
        build(connection, events)
    content = bytearray(path.read_bytes())
    middle = 4096 * (len(content) // 4096 * 2 // 5)
    path.write_bytes(content[:middle] + b"\xff" * 4096 + content[middle + 4096 :])
    target = FakeTarget()

    further = "can not be read any further: database disk image is malformed"
    with pytest.raises(BadInput, match=further), open_source(str(path)) as source:
        Importer(target, now=NOW).run(source)

    stored = len(target.get_events(WINDOW))
    assert stored == sum(target.batches)
    assert stored % BATCH_EVENTS > 0


def test_an_export_is_recognised_by_its_content(folder: Path) -> None:
    """Whatever its name is."""
    (folder / "backup.db").write_text(json.dumps(build_export()))

    assert read(folder / "backup.db") == ALL


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe can not be read twice, so it is saved first."""

    class Input:
        buffer = io.BytesIO(json.dumps(build_export()).encode())

    monkeypatch.setattr("sys.stdin", Input)

    assert read("-") == ALL


def test_a_named_pipe_is_read(folder: Path) -> None:
    """As a shell's <(...) is."""
    os.mkfifo(folder / "pipe")
    writer = threading.Thread(target=lambda: (folder / "pipe").write_text(json.dumps(build_export())))
    writer.start()

    events = read(folder / "pipe")

    writer.join()
    assert events == ALL


@dataclass
class Server:
    """An ActivityWatch server with some buckets.

    Attributes:
        key: what it asks for.
        gone: buckets that are deleted after they were listed.
    """

    exports: dict[str, JSONObject] = field(default_factory=dict[str, JSONObject])
    key: str = ""
    gone: set[str] = field(default_factory=set[str])

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if self.key and request.authorization != f"Bearer {self.key}":
            return build_answer({"message": "Missing or invalid API key."}, status=401)
        match request.path.removeprefix("/api/0/buckets/").split("/"):
            case [""]:
                return build_answer({name: {"id": name, "type": f"type of {name}"} for name in self.exports})
            case [name, *_] if name in self.gone:
                return build_answer({"message": "There's no bucket"}, status=404)
            case [name, "export"]:
                return build_answer(self.exports[name])
            case [_, "events", "count"]:
                return build_answer(len(EVENTS))
            case _:
                return Answer(status=500)


@pytest.mark.parametrize("form", ["http://127.0.0.1:{}", "http://127.0.0.1:{}/api/0/", "127.0.0.1:{}", "localhost:{}/"])
def test_a_running_server_is_read(form: str) -> None:
    """However its address is written; each bucket's export, whole."""
    server = Server({WINDOW: build_export()})
    with serve(server.answer) as port, open_source(form.format(port)) as source:
        buckets = [(bucket.id, bucket.fields["type"], list(bucket.events)) for bucket in source.iter_buckets(now=NOW)]
        fraction = source.fraction

    assert buckets == [(WINDOW, f"type of {WINDOW}", list(EVENTS))]
    assert fraction == 1.0


def test_a_bucket_that_is_deleted_meanwhile_is_left_out() -> None:
    """The others are read."""
    server = Server({"gone": {}, WINDOW: build_export()}, gone={"gone"})
    with serve(server.answer) as port:
        assert read(f"http://127.0.0.1:{port}") == ALL


def test_a_server_that_asks_for_a_key_gets_it() -> None:
    """Without it: refused, in the server's words."""
    server = Server({WINDOW: build_export()}, key="secret")
    with serve(server.answer) as port:
        assert read(f"http://127.0.0.1:{port}", key="secret") == ALL
        with pytest.raises(NotAuthorized, match="Missing or invalid API key") as caught:
            read(f"http://127.0.0.1:{port}")

    assert "--key" in caught.value.hint


def test_a_server_that_does_not_run_is_told() -> None:
    """It is the other one that should."""
    with pytest.raises(ServerUnavailable, match=r"no answer from http://127\.0\.0\.1:9") as caught:
        read("http://127.0.0.1:9")

    assert caught.value.hint == "is the server to import from running?"
