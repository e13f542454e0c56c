"""The example on the page about the Python client, run as it stands; only the ports and the patience are others."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.e2e.test_readme import run
from tests.storm.system import System, find_free_port

PAGE = (Path(__file__).parents[2] / "docs/reference/client.md").read_text(encoding="utf-8")


def build_example(*, mqtt_port: int, http_port: int, patience_s: float) -> str:
    """Return the page's one block of Python, for a server at these ports."""
    blocks: list[str] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (example,) = blocks
    place = f'port={mqtt_port}, url="http://127.0.0.1:{http_port}", '
    return example.replace("Client(name=", f"Client({place}name=").replace("timeout_s=5", f"timeout_s={patience_s}")


def test_the_example_prints_what_it_wrote(tmp_path: Path) -> None:
    """The heartbeat of now, and the event of an hour ago."""
    with System(home=tmp_path) as system:
        example = build_example(mqtt_port=system.mqtt_port, http_port=system.http_port, patience_s=30)
        now, past = run([sys.executable, "-c", example], tmp_path).splitlines()

    assert re.fullmatch(r"\S+\+00:00 0:00:00 {'percent': \d+}", now)
    assert re.fullmatch(r"\S+\+00:00 0:05:00 {'percent': 7}", past)


def test_the_example_without_a_server_keeps_all_and_says_so(tmp_path: Path) -> None:
    """A bucket, an event and a heartbeat wait; it ends well, and a server gets them from the next run."""
    mqtt_port, http_port = find_free_port(), find_free_port()
    alone = build_example(mqtt_port=mqtt_port, http_port=http_port, patience_s=0.5)
    created, waiting, unread = run([sys.executable, "-c", alone], tmp_path).splitlines()
    with System(home=tmp_path, mqtt_port=mqtt_port, http_port=http_port) as system:
        run([sys.executable, "-c", build_example(mqtt_port=mqtt_port, http_port=http_port, patience_s=30)], tmp_path)
        events = system.read_events("disk")

    assert "the message is kept and will be sent (no MQTT broker answers" in created
    assert waiting == "3 messages wait for the server"
    assert unread.startswith(f"no answer from http://127.0.0.1:{http_port}: ")
    assert [event["data"] for event in events if event["duration"] == 300] == [{"percent": 7}] * 2
