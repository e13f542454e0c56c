"""The outbox's file: who may read it, copies, other versions, damage, places that can not be used."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from pulseline_client.outbox import Outbox
from pulseline_client.outbox_file import OutboxDamaged
from pulseline_core.errors import NotPermitted, StoreUnavailable, UnsupportedSchema
from tests.integration.client.outbox_messages import build_drafts, read_all


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
