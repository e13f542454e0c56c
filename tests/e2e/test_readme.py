"""The README's examples, run as they stand; only the ports are others."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.storm.system import System
from tests.unit.client.importing.samples import WINDOW, build_peewee

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def find_example(language: str, word: str) -> str:
    """Return the README's one block of a language that holds a word."""
    blocks: list[str] = [block for block in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if word in block]
    (example,) = blocks
    return example


def run(command: list[str], home: Path) -> str:
    """Run an example in a home folder, and return what it prints."""
    environment = {**os.environ, "HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(name="system")
def _system(tmp_path: Path) -> System:
    """Return a system that is not started yet."""
    return System(home=tmp_path)


def test_the_python_example_prints_the_committed_event(system: System) -> None:
    """A bucket, a queued heartbeat, and one that waits for its commit: one event."""
    with system:
        example = find_example("python", "Client").replace(
            'Client(name="my-watcher")',
            f'Client(port={system.mqtt_port}, url="http://127.0.0.1:{system.http_port}", name="my-watcher")',
        )
        printed = run([sys.executable, "-c", example], system.home)

    assert printed.startswith("Event(")
    assert "{'file': 'notes.md'}" in printed
    assert "id=1" in printed


def test_the_shell_examples_publish_what_curl_shows(system: System) -> None:
    """A plain value and a JSON event become two buckets."""
    with system:
        publish = find_example("sh", "-m ON").replace("mosquitto_pub", f"mosquitto_pub -p {system.mqtt_port}")
        read = find_example("sh", "curl http").replace("5600", str(system.http_port)).replace("curl", "curl -s")
        run(["sh", "-ec", publish], system.home)
        events = json.loads(run(["sh", "-ec", read], system.home))

    assert [event["data"] for event in events] == [{"value": "ON"}]


def test_the_questions_are_answered(system: System) -> None:
    """How long the demo's computer was used, and how long its plug has told something."""
    with system:
        flags = f"--port {system.http_port} --mqtt-port {system.mqtt_port}"
        pulseline = f'pulseline() {{ {sys.executable} -m pulseline_client "$@" {flags}; }}'
        example = find_example("sh", "pulseline report")
        printed = run(["sh", "-ec", f"{pulseline}; pulseline demo > /dev/null; {example}"], system.home).splitlines()

    part, active, _ = printed[0].split("\t")
    assert (part, float(active) > 3600) == ("active", True)
    assert float(printed[-1]) > 3600


def test_the_import_brings_what_activitywatch_has(system: System) -> None:
    """From where ActivityWatch keeps it."""
    folder = system.home / ".local/share/activitywatch/aw-server"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "peewee-sqlite.v2.db")) as connection:
        build_peewee(connection)

    with system:
        flags = f"--port {system.http_port} --mqtt-port {system.mqtt_port}"
        example = find_example("sh", "pulseline import").replace("pulseline", f"{sys.executable} -m pulseline_client")
        printed = run(["sh", "-ec", f"{example.strip()} {flags}"], system.home)

    assert printed.split("\t") == [WINDOW, "4", "0", "0", "0\n"]
