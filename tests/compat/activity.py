"""An hour of two computers, a phone and an editor, in the buckets that the watchers of ActivityWatch make.

All begins at noon, and the offsets are seconds after it::

    desk    0 --- Code --- 600 - Chrome - 900 - Spotify - 1000 --- Code --- 1600
            0 ------------- not-afk ------------- 1200 ------- afk ------ 1600
                           pages: 600 -- github -- 800 -- music (audible) -- 1300
    laptop                         900 ------------ Firefox ------------- 2000
"""

from __future__ import annotations

from typing import Any, Final

import httpx

from tests.compat.samples import build_event

WINDOW, AFK, WEB = "currentwindow", "afkstatus", "web.tab.current"

#: Each bucket: its type, its host, its events.
BUCKETS: Final[dict[str, tuple[str, str, list[dict[str, Any]]]]] = {
    "aw-watcher-window_my-desk": (
        WINDOW,
        "my-desk",
        [
            build_event(0, 600, app="Code", title="main.py; a \\w+ of Språk"),
            build_event(600, 300, app="Google-chrome", title="GitHub - pull"),
            build_event(900, 100, app="Spotify", title='A "song"'),
            build_event(1000, 600, app="Code", title="other.py"),
        ],
    ),
    "aw-watcher-afk_my-desk": (
        AFK,
        "my-desk",
        [build_event(0, 1200, status="not-afk"), build_event(1200, 400, status="afk")],
    ),
    "aw-watcher-web-chrome_my-desk": (
        WEB,
        "my-desk",
        [
            build_event(600, 200, url="https://www.github.com/a?q=1", title="pull", audible=False, incognito=False),
            build_event(800, 500, url="https://music.example/b", title="list", audible=True, incognito=False),
        ],
    ),
    "aw-watcher-window_laptop": (WINDOW, "laptop", [build_event(900, 1100, app="Firefox", title="News")]),
    "aw-watcher-afk_laptop": (AFK, "laptop", [build_event(900, 1100, status="not-afk")]),
    "aw-watcher-android-test": (
        WINDOW,
        "phone",
        [
            build_event(0, 300, app="Maps", package="org.maps", classname="Main"),
            build_event(300, 100, app="Chat", package="org.chat", classname="Main"),
            build_event(400, 200, app="Maps", package="org.maps", classname="Main"),
        ],
    ),
    "aw-watcher-vim_my-desk": (
        "app.editor.activity",
        "my-desk",
        [
            build_event(0, 60, file="main.py", language="python", project="a"),
            build_event(60, 30, file="README.md", language="markdown", project="a"),
        ],
    ),
    "aw-stopwatch": ("general.stopwatch", "unknown", [build_event(100, 50, running=False, label="tea")]),
}


def store_activity(http: httpx.Client) -> None:
    """Make the buckets with their events."""
    for bucket_id, (kind, hostname, events) in BUCKETS.items():
        body = {"client": "compat", "type": kind, "hostname": hostname}
        http.post(f"/buckets/{bucket_id}", json=body).raise_for_status()
        http.post(f"/buckets/{bucket_id}/events", json=events).raise_for_status()
