"""What a program needs beside a client: folders, settings, logs, as aw-core 0.5.18 has them."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pulseline_client
from pulseline_core import paths
from pulseline_core.errors import ConfigError, InvalidSetting, NotPermitted

DEFAULTS = '[server]\nhost = "127.0.0.1"\nport = 1\n\n[server.deep]\na = 1\nb = 2\n'


@pytest.fixture(name="kept_logging")
def _kept_logging() -> Iterator[None]:
    """Put back what the set-up of logging changes."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hooks = sys.excepthook, threading.excepthook
    root.handlers.clear()  # pytest's must not be closed
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    sys.excepthook, threading.excepthook = hooks


@pytest.mark.parametrize(
    ("get", "place"),
    [
        (pulseline_client.get_data_dir, ".local/share/pulseline"),
        (pulseline_client.get_config_dir, ".config/pulseline"),
        (pulseline_client.get_cache_dir, ".cache/pulseline"),
        (pulseline_client.get_log_dir, ".local/state/pulseline/log"),
    ],
)
def test_a_folder_is_made_when_it_is_asked_for(get: Callable[..., str], place: str, home: Path) -> None:
    """For all programs and for one, for the owner alone, as a text."""
    common, own = get(), get("my-watcher")

    assert (common, own) == (str(home / place), str(home / place / "my-watcher"))
    assert [Path(folder).stat().st_mode & 0o777 for folder in (common, own)] == [0o700, 0o700]


def test_a_folder_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    """Where a file is in the way, say."""
    (tmp_path / "file").touch()
    pulseline_client.ensure_path_exists(str(tmp_path))

    with pytest.raises(NotPermitted):
        pulseline_client.ensure_path_exists(str(tmp_path / "file" / "folder"))


def test_the_first_load_writes_the_defaults_as_comments() -> None:
    """Tables stay, so that a person only has to take a ``#`` away."""
    loaded = pulseline_client.load_config_toml("w", DEFAULTS)
    path = paths.get_config_dir() / "w/w.toml"

    assert loaded == {"server": {"host": "127.0.0.1", "port": 1, "deep": {"a": 1, "b": 2}}}
    assert path.read_text() == '[server]\n#host = "127.0.0.1"\n#port = 1\n\n[server.deep]\n#a = 1\n#b = 2\n'
    assert pulseline_client.load_config_toml("w", DEFAULTS) == loaded


def test_the_file_goes_before_the_defaults_table_by_table() -> None:
    """What it does not say stays."""
    pulseline_client.save_config_toml("w", "[server]\nport = 2\n[server.deep]\nb = 3\n[own]\nc = 4\n")

    assert pulseline_client.load_config_toml("w", DEFAULTS) == {
        "server": {"host": "127.0.0.1", "port": 2, "deep": {"a": 1, "b": 3}},
        "own": {"c": 4},
    }


def test_what_is_not_toml_is_refused() -> None:
    """In the defaults, in the file, and before it is saved."""
    path = paths.get_config_dir() / "w/w.toml"
    with pytest.raises(ConfigError, match="the settings to save are not TOML"):
        pulseline_client.save_config_toml("w", "[")
    assert not path.exists()
    with pytest.raises(ConfigError, match="the defaults are not TOML"):
        pulseline_client.load_config_toml("w", "[")

    path.parent.mkdir(parents=True)
    path.write_bytes(b"[")
    with pytest.raises(ConfigError, match=r"w\.toml' is not TOML"):
        pulseline_client.load_config_toml("w", DEFAULTS)
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"w\.toml' is not UTF-8"):
        pulseline_client.load_config_toml("w", DEFAULTS)


def test_a_sample_that_can_not_be_written_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The defaults hold without it; what a person wants to keep is another matter."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/nowhere")

    with caplog.at_level(logging.WARNING):
        assert pulseline_client.load_config_toml("w", "a = 1\n") == {"a": 1}
    assert "no settings file was made" in caplog.text
    with pytest.raises(NotPermitted):
        pulseline_client.save_config_toml("w", "a = 1\n")


@pytest.mark.usefixtures("kept_logging")
def test_a_log_file_is_found_again(capsys: pytest.CaptureFixture[str]) -> None:
    """By the program that writes it, and by others; standard error stays empty if it is not wanted."""
    pulseline_client.setup_logging("w", True, True, False, True)
    logging.getLogger("w").debug("hello")
    path = pulseline_client.get_log_file_path()

    assert path is not None
    assert path == pulseline_client.get_latest_log_file("w", testing=True)
    assert pulseline_client.get_latest_log_file("w") is None
    assert "hello" in Path(path).read_text()
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("kept_logging")
def test_a_log_without_a_file_goes_to_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``LOG_LEVEL`` goes before ``verbose``."""
    monkeypatch.setenv("LOG_LEVEL", "WARNING")
    pulseline_client.setup_logging("w", verbose=True)
    logging.getLogger("w").info("quiet")
    logging.getLogger("w").warning("loud")

    assert pulseline_client.get_log_file_path() is None
    assert "loud" in (said := capsys.readouterr().err)
    assert "quiet" not in said


@pytest.mark.usefixtures("kept_logging")
@pytest.mark.parametrize("verbose", [False, True])
def test_requests_are_logged_for_who_wants_all(capsys: pytest.CaptureFixture[str], verbose: bool) -> None:
    """A watcher that asks every few seconds does not fill the log with it."""
    pulseline_client.setup_logging("w", verbose=verbose)
    logging.getLogger("httpx").info("HTTP Request: GET")

    assert ("HTTP Request" in capsys.readouterr().err) is verbose


@pytest.mark.usefixtures("kept_logging")
def test_a_level_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than taken for another."""
    monkeypatch.setenv("LOG_LEVEL", "shout")

    with pytest.raises(InvalidSetting, match="level"):
        pulseline_client.setup_logging("w")
