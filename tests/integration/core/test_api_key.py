"""The key's file: who may have it, what may stand in it, and how it is made."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pulseline_core.api_key import find_key_file, is_key_named, make_key, read_key
from pulseline_core.errors import DiskFull, InvalidSetting, NotPermitted
from pulseline_core.settings import Secret, Settings, load


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Settings:
    """Return settings whose data folder does not exist yet."""
    return load({"data_dir": str(tmp_path / "data")}, {})


def test_without_a_file_there_is_no_key(settings: Settings) -> None:
    """And looking for it makes nothing."""
    assert read_key(settings) is None
    assert not is_key_named(settings)
    assert not settings.data_dir.exists()


def test_a_made_key_is_random_and_its_owners_alone(settings: Settings, tmp_path: Path) -> None:
    """256 bits; the folder is made for it where it is missing."""
    other = load({"data_dir": str(tmp_path / "other")}, {})

    assert make_key(settings)
    assert make_key(other)

    key = read_key(settings)
    assert type(key) is Secret
    assert len(key) == 43
    assert key != read_key(other)
    assert stat.S_IMODE(find_key_file(settings).stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700
    assert sorted(path.name for path in settings.data_dir.iterdir()) == ["api.key"]


def test_a_key_that_is_there_stays(settings: Settings) -> None:
    """Clients have it."""
    make_key(settings)
    key = read_key(settings)

    assert not make_key(settings)
    assert read_key(settings) == key


def test_the_nearer_key_counts(settings: Settings, tmp_path: Path) -> None:
    """The setting itself, then the file that is named, then the data folder's."""
    make_key(settings)
    named = tmp_path / "named.key"
    named.write_text("named\n")
    named.chmod(0o600)
    data_dir = str(settings.data_dir)

    from_file = load({"data_dir": data_dir, "api.key_file": str(named)}, {})
    from_setting = load({"data_dir": data_dir, "api.key_file": str(named), "api.key": "set"}, {})

    assert (read_key(from_file), read_key(from_setting)) == ("named", "set")
    assert is_key_named(from_file)
    assert is_key_named(from_setting)


def test_a_named_file_can_be_made(tmp_path: Path) -> None:
    """Where its folder exists."""
    settings = load({"data_dir": str(tmp_path / "data"), "api.key_file": str(tmp_path / "my.key")}, {})

    assert make_key(settings)
    assert (tmp_path / "my.key").read_text().strip() == read_key(settings)
    assert not (tmp_path / "data").exists()


def test_a_named_file_that_is_missing_is_told(tmp_path: Path) -> None:
    """A typing error must not leave the server open."""
    settings = load({"api.key_file": str(tmp_path / "missing")}, {})

    with pytest.raises(InvalidSetting, match="does not exist") as caught:
        read_key(settings)

    assert "pulseline setup key" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty, which would be no key"),
        (b" \n\n", "is empty, which would be no key"),
        (b"one\ntwo\n", "has more than one line"),
        (b"a key\n", "has more than one line"),
        (b"\xff\xfe", "has more than one line"),
    ],
    ids=["nothing", "white space", "two lines", "a space", "no text"],
)
def test_a_file_without_a_key_is_told(settings: Settings, content: bytes, words: str) -> None:
    """Also by whoever would make one: the file stays."""
    settings.data_dir.mkdir(mode=0o700)
    find_key_file(settings).write_bytes(content)
    find_key_file(settings).chmod(0o600)

    for use in (read_key, make_key):
        with pytest.raises(InvalidSetting, match=words):
            use(settings)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o644, 0o666])
def test_a_file_that_others_may_read_or_change_is_refused(settings: Settings, mode: int) -> None:
    """With the command that mends it."""
    make_key(settings)
    find_key_file(settings).chmod(mode)

    with pytest.raises(NotPermitted, match="others may read or change the key") as caught:
        read_key(settings)

    assert caught.value.hint.startswith("chmod 600 ")


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_a_group_may_be_given_the_key(settings: Settings, mode: int) -> None:
    """That of a container's secret, say."""
    make_key(settings)
    find_key_file(settings).chmod(mode)

    assert read_key(settings) is not None


def test_a_folder_in_its_place_is_told(settings: Settings) -> None:
    """No traceback."""
    find_key_file(settings).mkdir(parents=True)

    with pytest.raises(NotPermitted):
        read_key(settings)


def test_a_key_can_not_be_made_beside_one_that_is_set(tmp_path: Path) -> None:
    """It would not be the one that counts."""
    settings = load({"data_dir": str(tmp_path / "data"), "api.key": "set"}, {})

    with pytest.raises(InvalidSetting, match="is the key already"):
        make_key(settings)

    assert not (tmp_path / "data").exists()


def test_a_full_disk_leaves_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a key of no length nor a draft."""

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(DiskFull):
        make_key(settings)

    assert list(settings.data_dir.iterdir()) == []
