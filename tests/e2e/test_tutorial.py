"""The tutorial's watcher, run as it stands; only the port is another."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.e2e.command_line import TIMEOUT_S
from tests.storm.system import clean_environment, find_free_port

TUTORIAL = (Path(__file__).parents[2] / "docs/tutorial.md").read_text(encoding="utf-8")


def test_the_watcher_keeps_on_without_a_server_until_ctrl_c(tmp_path: Path) -> None:
    """It may be started first; one line says that nobody answers, and its end is quiet."""
    (example,) = re.findall(r"```python\n(.*?)```", TUTORIAL, re.DOTALL)
    example = example.replace("port=1884", f"port={find_free_port()}")
    with subprocess.Popen(
        [sys.executable, "-c", example], env=clean_environment(tmp_path), stderr=subprocess.PIPE, text=True
    ) as watcher:
        assert watcher.stderr is not None
        first = watcher.stderr.readline()
        watcher.send_signal(signal.SIGINT)
        rest, code = watcher.stderr.read(), watcher.wait(TIMEOUT_S)

    assert first.startswith("no MQTT broker answers at 127.0.0.1:")
    assert (rest, code) == ("", 0)
