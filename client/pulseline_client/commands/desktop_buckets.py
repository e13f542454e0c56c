"""Which buckets tell of one computer: those of ActivityWatch's watchers, by their names and hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pulseline_client.queries import DesktopQueryParams
from pulseline_core.errors import NotFound
from pulseline_core.types import JSONObject, JSONValue

_WINDOW: Final = "aw-watcher-window_"
_AFK: Final = "aw-watcher-afk_"

#: The type of the buckets of browsers, and the host of those whose watcher does not know it.
_BROWSER_TYPE: Final = "web.tab.current"
_UNKNOWN_HOST: Final = "unknown"


def find_desktop(buckets: Mapping[str, JSONValue], hostname: str) -> DesktopQueryParams:
    """Return the parameters that name a computer's buckets.

    A browser's bucket of this host goes before one of an unknown host.

    Args:
        buckets: all that there are, by id.
        hostname: the computer's.

    Raises:
        NotFound: it has no windows, or nothing says when nobody was there.
    """
    for prefix in (_WINDOW, _AFK):
        if prefix + hostname not in buckets:
            raise _build_error(buckets, prefix, hostname)
    browsers = {
        bucket_id: _is_of(bucket, bucket_id, hostname)
        for bucket_id, bucket in buckets.items()
        if isinstance(bucket, dict) and bucket.get("type") == _BROWSER_TYPE
    }
    own = [bucket_id for bucket_id, is_own in browsers.items() if is_own]
    unknown = [bucket_id for bucket_id in browsers if _get_host(buckets[bucket_id]) == _UNKNOWN_HOST]
    return DesktopQueryParams(
        bid_window=_WINDOW + hostname, bid_afk=_AFK + hostname, bid_browsers=list(dict.fromkeys([*own, *unknown]))
    )


def _is_of(bucket: JSONObject, bucket_id: str, hostname: str) -> bool:
    return _get_host(bucket) == hostname or bucket_id.endswith(f"_{hostname}")


def _get_host(bucket: JSONValue) -> JSONValue:
    return bucket.get("hostname") if isinstance(bucket, dict) else None


def _build_error(buckets: Mapping[str, JSONValue], prefix: str, hostname: str) -> NotFound:
    error = NotFound("bucket", prefix + hostname)
    hosts = sorted(bucket_id.removeprefix(prefix) for bucket_id in buckets if bucket_id.startswith(prefix))
    error.hint = f"there are those of {', '.join(hosts)}" if hosts else "no computer has recorded any"
    return error
