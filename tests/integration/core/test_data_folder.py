"""The data folder on a real file system: who may use it, and the files in it."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from pulseline_core.data_folder import LOCK_TIMEOUT_S, DataFolder, lock_folder, map_os_error
from pulseline_core.errors import AlreadyRunning, DiskFull, NotPermitted, PulselineError

#: Holds the folder until its standard input ends.
HOLDER = """
import sys
from pathlib import Path
from pulseline_core.data_folder import DataFolder

with DataFolder(Path(sys.argv[1])).lock():
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def hold_lock(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run another process that holds the folder."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def get_mode(path: Path) -> int:
    """Return the permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_constructor_touches_nothing(tmp_path: Path) -> None:
    """Folders are made by those who write."""
    DataFolder(tmp_path / "data")

    assert not (tmp_path / "data").exists()


def test_a_folder_is_made_with_its_parents_for_its_owner_alone(tmp_path: Path) -> None:
    """What a person did all day is nobody else's business."""
    DataFolder(tmp_path / "a/data").create()

    assert get_mode(tmp_path / "a/data") == 0o700


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """Its owner may share it with a group."""
    tmp_path.chmod(0o750)

    DataFolder(tmp_path).create()

    assert get_mode(tmp_path) == 0o750


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    """With the path in the message."""
    file = tmp_path / "data"
    file.touch()

    with pytest.raises(NotPermitted, match="it is not a folder") as caught:
        DataFolder(file).create()

    assert caught.value.path == str(file)


def test_a_file_in_a_parents_place_is_refused(tmp_path: Path) -> None:
    """The operating system says it in its words."""
    (tmp_path / "file").touch()

    with pytest.raises(NotPermitted, match="not a directory") as caught:
        DataFolder(tmp_path / "file/data").create()

    assert caught.value.hint == "choose another place"  # owner and mode have nothing to do with it


def test_a_folder_where_everybody_may_write_is_refused(tmp_path: Path) -> None:
    """Anybody could put a database there."""
    tmp_path.chmod(0o777)

    with pytest.raises(NotPermitted, match="everybody may write there"):
        DataFolder(tmp_path).create()


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for root, who would leave files behind that the owner can not use."""
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    with pytest.raises(NotPermitted, match=f"it belongs to user {owner}, not to user {owner + 1}"):
        DataFolder(tmp_path).create()


def test_a_folder_that_is_not_writable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, so the test asks in the system's place."""
    monkeypatch.setattr(os, "access", lambda *_: False)

    with pytest.raises(NotPermitted, match="it is not writable"):
        DataFolder(tmp_path).create()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EACCES, NotPermitted), (errno.EROFS, NotPermitted)],
    ids=["no space", "over quota", "no access", "read only"],
)
def test_the_systems_errors_become_ours(number: int, expected: type[PulselineError]) -> None:
    """A full disk and a refusal are different problems."""
    assert type(map_os_error(OSError(number, os.strerror(number)), Path("/data"))) is expected


def test_a_lock_can_be_held_again_after_it_was_let_go(tmp_path: Path) -> None:
    """Nothing stays behind but an empty file."""
    for _ in range(2):
        with lock_folder(tmp_path / "data"):
            assert get_mode(tmp_path / "data/lock") == 0o600

    assert (tmp_path / "data/lock").read_bytes() == b""


def test_a_lock_is_let_go_after_an_error(tmp_path: Path) -> None:
    """However the block ends."""
    with pytest.raises(KeyError), lock_folder(tmp_path):
        raise KeyError

    with lock_folder(tmp_path):
        pass


def test_a_folder_tells_whether_it_is_held(tmp_path: Path) -> None:
    """Nothing is made for the question, and the lock is not taken by it."""
    folder = DataFolder(tmp_path / "data")

    before = folder.is_held
    assert not folder.path.exists()
    with folder.lock():
        during = folder.is_held, folder.is_held
    after = folder.is_held

    assert (before, during, after) == (False, (True, True), False)


def test_a_second_process_is_refused_within_two_seconds(tmp_path: Path) -> None:
    """It waits for one that is just stopping, and no longer."""
    with hold_lock(tmp_path):
        began = monotonic()
        with pytest.raises(AlreadyRunning) as caught, lock_folder(tmp_path):
            pass

    assert caught.value.data_dir == str(tmp_path)
    assert LOCK_TIMEOUT_S <= monotonic() - began < 2


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """The kernel lets go of it."""
    with hold_lock(tmp_path) as holder:
        holder.kill()
        holder.wait()

        with lock_folder(tmp_path):
            pass


def test_a_token_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    """Every process reads the same one."""
    token = DataFolder(tmp_path / "data").read_api_token()

    assert DataFolder(tmp_path / "data").read_api_token() == token
    assert len(token) >= 43
    assert get_mode(tmp_path / "data/api.token") == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["api.token"]


def test_a_device_id_is_a_uuid_that_stays(tmp_path: Path) -> None:
    """It names the installation."""
    device_id = DataFolder(tmp_path).read_device_id()

    assert str(uuid.UUID(device_id)) == device_id
    assert DataFolder(tmp_path).read_device_id() == device_id


def test_all_who_ask_for_a_token_at_once_get_the_same(tmp_path: Path) -> None:
    """One makes it, and nobody sees half of it."""
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: DataFolder(tmp_path).read_api_token(), range(32)))

    assert len(tokens) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["api.token"]


def test_a_token_that_is_a_folder_is_not_permitted(tmp_path: Path) -> None:
    """What can not be read is said in one line."""
    (tmp_path / "api.token").mkdir()

    with pytest.raises(NotPermitted, match="is a directory"):
        DataFolder(tmp_path).read_api_token()
