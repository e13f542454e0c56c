"""Which buckets a report is made of."""

from __future__ import annotations

from typing import Any

import pytest

from pulseline_client.commands.desktop_buckets import choose_host, find_desktop
from pulseline_core.errors import BadInput, ExitCode, NotFound


def build_buckets(**hosts: str) -> dict[str, Any]:
    """Return buckets of the watchers of ``desk`` and ``desktop``, and of browsers with these hosts."""
    watchers = {
        f"aw-watcher-{kind}_{host}": {"type": kind, "hostname": host}
        for kind in ("window", "afk")
        for host in ("desk", "desktop")
    }
    browsers = {f"aw-watcher-web-{name}": {"type": "web.tab.current", "hostname": hosts[name]} for name in hosts}
    return watchers | browsers | {"odd": None, "editor": {"type": "app.editor.activity", "hostname": "desk"}}


def test_windows_and_absence_are_those_of_the_host() -> None:
    """Not of one with a longer name."""
    params = find_desktop(build_buckets(), "desk")

    assert (params.bid_window, params.bid_afk) == ("aw-watcher-window_desk", "aw-watcher-afk_desk")
    assert params.bid_browsers == []


def test_browsers_of_the_host_go_before_unknown_ones() -> None:
    """A host is in the bucket, or at the end of its id; those of others are none."""
    buckets = build_buckets(firefox="unknown", chrome_desk="x", edge="desk", opera="desktop", vivaldi_desktop="unknown")

    assert find_desktop(buckets, "desk").bid_browsers == [
        "aw-watcher-web-chrome_desk",
        "aw-watcher-web-edge",
        "aw-watcher-web-firefox",
        "aw-watcher-web-vivaldi_desktop",
    ]


@pytest.mark.parametrize(
    ("missing", "hint"),
    [
        ("aw-watcher-window_desk", "there are those of desktop"),
        ("aw-watcher-afk_desk", "there are those of desktop"),
    ],
)
def test_missing_bucket_is_named_with_those_there_are(missing: str, hint: str) -> None:
    """So that a wrong name is mended at once."""
    buckets = build_buckets()
    del buckets[missing]

    with pytest.raises(NotFound, match=f"no bucket '{missing}' exists") as caught:
        find_desktop(buckets, "desk")

    assert (caught.value.hint, caught.value.exit_code) == (hint, ExitCode.NOT_FOUND)


def test_server_without_computers_says_so() -> None:
    """Nothing has been recorded yet."""
    with pytest.raises(NotFound) as caught:
        find_desktop({}, "desk")

    assert caught.value.hint == "no computer has recorded any"


def test_without_a_name_it_is_this_computer() -> None:
    """Though there are others."""
    assert choose_host(build_buckets(), "desk") == "desk"


def test_without_a_name_elsewhere_it_is_the_only_computer() -> None:
    """One without absence is none."""
    buckets = build_buckets()
    del buckets["aw-watcher-afk_desk"]

    assert choose_host(buckets, "phone") == "desktop"


def test_without_a_name_elsewhere_several_are_shown() -> None:
    """To choose from."""
    with pytest.raises(BadInput, match="which computer") as caught:
        choose_host(build_buckets(), "phone")

    assert caught.value.hint == "name one of desk, desktop"


def test_without_a_name_no_computer_is_said() -> None:
    """The message names the bucket that this one would have."""
    with pytest.raises(NotFound, match="aw-watcher-window_phone") as caught:
        choose_host({}, "phone")

    assert caught.value.hint == "no computer has recorded any"
