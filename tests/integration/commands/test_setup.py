"""``pulseline setup``: the key is made, and handed on to where aw-client looks."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest

from pulseline_client import cli
from pulseline_client.aw_client_settings import AwClientSettingsError, get_settings_file, write_key
from pulseline_client.commands import server_extra
from pulseline_core.errors import ExitCode, NotPermitted

FOLDER = ".config/activitywatch/aw-server-rust"

#: What aw-server-rust 0.14 writes at its first start, and something of a person's.
SETTINGS = """\
### DEFAULT SETTINGS ###
#address = "127.0.0.1"

# mine
address = "127.0.0.1"  # stays
cors = ["http://a"]

[auth]
# the key
api_key = "old"   # changed by us
other = 1

[custom_static]
clock = "/home/me/clock"
"""


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run a command in this process; return exit code, output and errors."""
    code = cli.run(["setup", *arguments])
    output = capsys.readouterr()
    return code, output.out, output.err


def test_key_is_made_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says where, and never the key itself."""
    path = home / ".local/share/pulseline/api.key"

    first = run("key", capsys=capsys)
    key = path.read_text().strip()
    second = run("key", capsys=capsys)

    assert first == (0, f"made a key: {path}\n", "The REST server asks for it from its next start on.\n")
    assert second == (0, f"there is a key already: {path}\n", "")
    assert key not in first[1]


def test_key_and_where_it_went_as_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs."""
    _, key, _ = run("key", "--json", capsys=capsys)
    _, client, _ = run("aw-client", "--json", capsys=capsys)

    assert json.loads(key) == {"file": str(home / ".local/share/pulseline/api.key"), "new": True}
    assert json.loads(client) == {"file": str(home / FOLDER / "config.toml"), "port": 5600, "new": True}


def test_aw_client_finds_the_key(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a new file of its owner's, with the port by which aw-client recognizes the server."""
    run("key", capsys=capsys)

    code, output, _ = run("aw-client", "--port", "5700", capsys=capsys)

    path = home / FOLDER / "config.toml"
    key = (home / ".local/share/pulseline/api.key").read_text().strip()
    assert (code, output) == (0, f"wrote the key for port 5700: {path}\n")
    assert tomllib.loads(path.read_text()) == {"port": 5700, "auth": {"api_key": key}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run("aw-client", "--port", "5700", capsys=capsys)[1] == f"the key is there already for port 5700: {path}\n"


def test_testing_has_a_key_and_a_file_of_its_own(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The real one is not touched."""
    run("key", "--testing", capsys=capsys)

    code, output, _ = run("aw-client", "--testing", capsys=capsys)

    assert code == 0
    assert output == f"wrote the key for port 5666: {home / FOLDER / 'config-testing.toml'}\n"
    assert not (home / FOLDER / "config.toml").exists()
    assert not (home / ".local/share/pulseline").exists()


def test_without_a_key_there_is_nothing_to_hand_on(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """None is made by the way: clients that know of no keys would be shut out."""
    code, _, errors = run("aw-client", capsys=capsys)

    assert code == ExitCode.USAGE
    assert errors == ("pulseline: error: there is no key: the server asks for none ('pulseline setup key' makes one)\n")
    assert not (home / FOLDER).exists()


def test_client_alone_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The TOML library comes with the server."""
    monkeypatch.setattr(server_extra, "find_spec", lambda name: None if name == "tomlkit" else object())

    code, _, errors = run("aw-client", capsys=capsys)

    assert code == ExitCode.USAGE
    assert "tomlkit" in errors


def test_other_content_is_kept(tmp_path: Path) -> None:
    """Comments, order and spaces; only the two values change."""
    path = tmp_path / "config.toml"
    path.write_text(SETTINGS)
    path.chmod(0o644)

    assert write_key(path, key="new", port=5600)

    text = path.read_text()
    read = tomllib.loads(text)
    assert (read["port"], read["auth"]["api_key"]) == (5600, "new")
    assert [line for line in SETTINGS.splitlines() if line not in text.splitlines()] == [
        'api_key = "old"   # changed by us'
    ]
    assert '"new"   # changed by us' in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    """Unless others may read it."""
    path = tmp_path / "config.toml"
    write_key(path, key="new", port=5600)
    before = path.stat()

    assert not write_key(path, key="new", port=5600)
    assert path.stat().st_ino == before.st_ino
    path.chmod(0o644)
    assert write_key(path, key="new", port=5600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays_one(tmp_path: Path) -> None:
    """To the file among somebody's dotfiles."""
    target, path = tmp_path / "dotfiles.toml", tmp_path / "config.toml"
    target.write_text("")
    path.symlink_to(target)

    write_key(path, key="new", port=5600)

    assert path.is_symlink()
    assert "new" in target.read_text()


@pytest.mark.parametrize("content", [b"port = ", b"auth = 5", b"[[auth]]\napi_key = 1", b"\xff"])
def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """Whoever wrote it has to mend it."""
    path = tmp_path / "config.toml"
    path.write_bytes(content)

    with pytest.raises(AwClientSettingsError) as caught:
        write_key(path, key="new", port=5600)

    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    """With its path."""
    (tmp_path / "config.toml").mkdir()

    with pytest.raises(NotPermitted):
        write_key(tmp_path / "config.toml", key="new", port=5600)


def test_the_file_is_the_platforms(home: Path) -> None:
    """ActivityWatch asks platformdirs for it, too."""
    assert get_settings_file(testing=False) == home / FOLDER / "config.toml"
    assert get_settings_file(testing=True) == home / FOLDER / "config-testing.toml"
