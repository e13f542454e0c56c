"""The program on the page for those who come from ActivityWatch, run as it stands; its settings name the server."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pulseline_client import ActivityWatchClient
from tests.e2e.test_readme import run
from tests.e2e.up_process import Up

PAGE = (Path(__file__).parents[2] / "docs/how-to/activitywatch-programs.md").read_text(encoding="utf-8")


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    """Queued heartbeats, an insert, the last events, and the bucket is gone."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with Up(home=tmp_path, flags=("--testing",)) as system:
        settings = tmp_path / ".config/pulseline/aw-client/aw-client.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text(
            f"[server-testing]\nport = {system.http_port}\n[broker-testing]\nport = {system.mqtt_port}\n"
        )
        printed = run([sys.executable, "-c", program], tmp_path)
        client = ActivityWatchClient(testing=True, port=system.http_port)
        buckets = client.get_buckets()
        client.disconnect()

    shown = [re.sub(r"\d\.\d+ ", "1 ", line) for line in printed.splitlines()]
    assert shown == ["0:00:00 {'label': 'at the top'}", "0:00:01 {'floor': 2}", "0:00:01 {'floor': 1}"]
    assert buckets == {}
