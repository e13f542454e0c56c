"""The page about analysing one's time, from the demo to curl, run as it stands; only the ports are others."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.e2e.command_line import ask
from tests.e2e.test_readme import run
from tests.storm.system import System

PAGE = (Path(__file__).parents[2] / "docs/how-to/analyse-your-time.md").read_text(encoding="utf-8")

#: The bucket of a browser whose watcher does not know its host.
_PAGES: Final = "aw-watcher-web-firefox"


@pytest.fixture(scope="module", name="system")
def _system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Return a system with the demo's day and a browser, whose home folder has the queries of the page."""
    home = tmp_path_factory.mktemp("home")
    for name, query in re.findall(r"Save this as `([\w.]+)`[^\n]*\n\n```query\n(.*?)```", PAGE, re.DOTALL):
        (home / name).write_text(query, encoding="utf-8")
    with System(home=home) as system:
        assert ask(system, "demo").returncode == 0
        copy_windows_of_the_browser(system)
        yield system


def copy_windows_of_the_browser(system: System) -> None:
    """Let the browser of the demo have a watcher, which always sees the same page."""
    windows: list[dict[str, Any]] = system.read_events("aw-watcher-window_demo")
    pages = [
        {"timestamp": event["timestamp"], "duration": event["duration"], "data": {"url": "https://docs.example.org/a"}}
        for event in windows
        if event["data"]["app"] == "Firefox"
    ]
    bucket = {"type": "web.tab.current", "client": _PAGES, "hostname": "demo"}
    httpx.post(f"{system.url}/buckets/{_PAGES}", json=bucket).raise_for_status()
    httpx.post(f"{system.url}/buckets/{_PAGES}/events", json=pages).raise_for_status()


def run_shell(system: System, line: str) -> str:
    """Run a line of a shell example, and return what it prints."""
    flags = f"--port {system.http_port} --mqtt-port {system.mqtt_port}"
    pulseline = f'pulseline() {{ {sys.executable} -m pulseline_client "$@" {flags}; }}'
    script = f"cd {system.home}; {pulseline}; {line.replace('5600', str(system.http_port))}"
    return run(["sh", "-ec", script], system.home)


def run_python(system: System, program: str) -> str:
    """Run a program of the page in the folder with the queries."""
    program = program.replace("RestReader()", f'RestReader("http://127.0.0.1:{system.http_port}")')
    return run(["sh", "-ec", f'cd {system.home}; exec "$0" -c "$1"', sys.executable, program], system.home)


def iter_examples(language: str) -> Iterator[str]:
    """Yield the page's blocks of a language."""
    yield from re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(
    "line", [line for block in iter_examples("sh") for line in block.splitlines() if line.startswith("pulseline ")]
)
def test_a_command_of_the_page_shows_something(system: System, line: str) -> None:
    """Or writes it into the file that it names."""
    printed = run_shell(system, line)

    _, _, name = line.partition(" > ")
    assert (system.home / name).read_text() if name else printed


def test_the_apps_are_the_longest_first(system: System) -> None:
    """Each once."""
    rows = [line.split("\t") for line in run_shell(system, "pulseline query apps.txt --start yesterday").splitlines()]

    seconds = [float(row[1]) for row in rows]
    apps = [json.loads(row[2])["app"] for row in rows]
    assert seconds == sorted(seconds, reverse=True)
    assert len(apps) == len(set(apps)) > 3


def test_the_domain_has_its_time_and_its_pages(system: System) -> None:
    """The one page of the watcher."""
    result = json.loads(run_shell(system, "pulseline query domain.txt --start yesterday"))

    (page,) = result["pages"]
    assert page["data"] == {"url": "https://docs.example.org/a"}
    assert page["duration"] == pytest.approx(result["seconds"])
    assert result["seconds"] > 60


def test_the_plug_was_on_for_as_long_as_its_stretches_are(system: System) -> None:
    """One each time that coffee was made."""
    result = json.loads(run_shell(system, "pulseline query plug.txt --start yesterday"))

    assert sum(event["duration"] for event in result["stretches"]) == pytest.approx(result["seconds"])
    assert result["used meanwhile"]


def test_the_week_has_a_line_for_each_day(system: System) -> None:
    """One or two of them have something."""
    week, _ = iter_examples("python")

    lines = run_python(system, week).splitlines()

    assert len(lines) == 7
    assert any("kate" in line for line in lines)
    assert lines[0].endswith("nothing")


def test_python_alone_finds_what_the_query_finds(system: System) -> None:
    """The same time in as many stretches."""
    _, alone = iter_examples("python")
    result = json.loads(run_shell(system, "pulseline query plug.txt --start yesterday"))

    printed = run_python(system, alone)

    assert printed.endswith(f", {len(result['stretches'])} times\n")


def test_curl_gets_the_result_of_the_period(system: System) -> None:
    """A number."""
    (example,) = [block for block in iter_examples("sh") if block.startswith("curl")]

    (seconds,) = json.loads(run_shell(system, example.replace("curl", "curl -s", 1)))

    assert seconds >= 0
