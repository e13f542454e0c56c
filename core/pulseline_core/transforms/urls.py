"""The parts of a web page's address, as keys of their own."""

from __future__ import annotations

from urllib.parse import ParseResult, urlparse, urlsplit

from pulseline_core.transforms.columns import Columns
from pulseline_core.types import JSONObject


def split_url_events(events: Columns) -> Columns:
    """Return events whose ``url`` is split into ``$protocol``, ``$domain``, ``$path`` and so on.

    ``https://www.example.org:80/p;x?q=1#f`` has the domain ``example.org:80``, the path ``/p``, the params ``x``, the
    options ``q=1`` and the identifier ``f``; an address without a domain has its protocol instead, as ``about``.
    What is no address stays as it is. aw-core 0.5.18, ``aw_transform/split_url_events.py``.
    """
    return events.relabel(events.pool.rewrite(events.data, "split_url_events", _split))


def _split(data: JSONObject) -> JSONObject:
    url = data.get("url")
    if not isinstance(url, str):
        return data
    try:
        parts = urlparse(url) if ";" in url else urlsplit(url)
    except ValueError:  # a bracket that is no IPv6 address
        return data
    return {
        **data,
        "$protocol": parts.scheme,
        "$domain": parts.netloc.removeprefix("www.") or parts.scheme,
        "$path": parts.path,
        "$params": parts.params if isinstance(parts, ParseResult) else "",
        "$options": parts.query,
        "$identifier": parts.fragment,
    }
