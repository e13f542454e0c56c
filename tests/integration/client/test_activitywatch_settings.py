"""How an ``ActivityWatchClient`` is set up: by its arguments, and by ActivityWatch's settings file."""

from __future__ import annotations

import socket

import pytest

from pulseline_client import ActivityWatchClient
from pulseline_core import paths
from pulseline_core.errors import ConfigError, InvalidSetting


def test_the_attributes_are_those_of_activitywatch() -> None:
    """For testing and for real use; the port may be a text."""
    client = ActivityWatchClient("w", True, "10.0.0.1", "5700", "https")
    real = ActivityWatchClient()

    assert (client.testing, client.client_name, client.server_address) == (True, "w", "https://10.0.0.1:5700")
    assert client.client_hostname == client.hostname == socket.gethostname()
    assert client.commit_interval == 5
    assert (real.client_name, real.server_address, real.commit_interval) == ("unknown", "http://127.0.0.1:5600", 10)


def test_the_settings_file_is_made_and_read() -> None:
    """The first client writes it with all defaults commented out."""
    ActivityWatchClient()
    path = paths.get_config_dir() / "aw-client/aw-client.toml"
    assert "#commit_interval = 10" in path.read_text()

    path.write_text('[server-testing]\nhostname = "10.0.0.2"\nport = "5700"\n[client-testing]\ncommit_interval = 2.5\n')
    client = ActivityWatchClient(testing=True)

    assert (client.server_address, client.commit_interval) == ("http://10.0.0.2:5700", 2.5)


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        ("[server", ConfigError, "not TOML"),
        ('[server]\nport = "many"\n', InvalidSetting, "server.port"),
        ("[broker]\nport = 70000\n", InvalidSetting, "broker.port"),
        ('[client]\ncommit_interval = "long"\n', InvalidSetting, "client.commit_interval"),
        ("[client]\ncommit_interval = nan\n", InvalidSetting, "client.commit_interval"),
        ("[client]\ncommit_interval = inf\n", InvalidSetting, "client.commit_interval"),
        ("[client]\ncommit_interval = -1\n", InvalidSetting, "client.commit_interval"),
        ("server = 5\n", InvalidSetting, "not a table"),
    ],
)
def test_a_wrong_settings_file_is_named(text: str, kind: type[Exception], problem: str) -> None:
    """With the entry that is wrong."""
    path = paths.get_config_dir() / "aw-client/aw-client.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)

    with pytest.raises(kind, match=problem):
        ActivityWatchClient()
