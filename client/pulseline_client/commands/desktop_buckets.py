"""Which buckets tell of one computer: those of ActivityWatch's watchers, by their names and hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pulseline_client.queries import DesktopQueryParams
from pulseline_core.errors import BadInput, NotFound
from pulseline_core.types import JSONObject, JSONValue

_WINDOW: Final = "aw-watcher-window_"
_AFK: Final = "aw-watcher-afk_"

#: The type of the buckets of browsers, and the host of those whose watcher does not know it.
_BROWSER_TYPE: Final = "web.tab.current"
_UNKNOWN_HOST: Final = "unknown"


def choose_host(buckets: Mapping[str, JSONValue], here: str) -> str:
    """Return the computer that is meant when none is named: this one, or else the only one.

    Args:
        buckets: all that there are, by id.
        here: this computer's name.

    Raises:
        BadInput: there are several others.
        NotFound: there is none with windows and absence.
    """
    hosts = [host for host in _list_hosts(buckets, _WINDOW) if _AFK + host in buckets]
    if here in hosts:
        return here
    if not hosts:
        raise _build_error(buckets, _WINDOW, here)
    if len(hosts) > 1:
        raise BadInput("which computer is not clear", hint=f"name one of {', '.join(hosts)}")
    return hosts[0]


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
    hosts = _list_hosts(buckets, prefix)
    error.hint = f"there are those of {', '.join(hosts)}" if hosts else "no computer has recorded any"
    return error


def _list_hosts(buckets: Mapping[str, JSONValue], prefix: str) -> list[str]:
    return sorted(bucket_id.removeprefix(prefix) for bucket_id in buckets if bucket_id.startswith(prefix))
