"""Queries that people ask again and again, built from a few parameters: what was in front, and in which category.

The names and the statements are those of ``aw_client.queries`` (0.5.15, and ``always_active_pattern`` of the version
after it), so that a program that was written for it gets the same results. What differs is said where it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pulseline_client.classes import SettingReader, get_classes
from pulseline_client.query_literals import write_literal, write_pattern, write_rule
from pulseline_client.query_params import (
    AndroidQueryParams,
    DesktopQueryParams,
    QueryParams,
    isAndroidParams,
    isDesktopParams,
)

__all__ = [
    "AndroidQueryParams",
    "DesktopQueryParams",
    "QueryParams",
    "browserEvents",
    "browser_appnames",
    "browsersWithBuckets",
    "canonicalEvents",
    "default_limit",
    "escape_doublequote",
    "fullDesktopQuery",
    "isAndroidParams",
    "isDesktopParams",
    "pretty_query",
    "querystr_to_array",
]

#: The longest list that ``fullDesktopQuery`` answers.
default_limit: Final = 100

#: What the app of a window is called, by the name that its browser has in bucket ids. Fact of aw-client 0.5.15.
browser_appnames: Final[dict[str, list[str]]] = {
    "chrome": [
        *("Google Chrome", "Google-chrome", "chrome.exe", "google-chrome-stable"),
        *("Chromium", "Chromium-browser", "Chromium-browser-chromium", "chromium.exe"),
        *("Google-chrome-beta", "Google-chrome-unstable", "Brave-browser"),
    ],
    "firefox": [
        *("Firefox", "Firefox.exe", "firefox", "firefox.exe", "Firefox Developer Edition", "firefoxdeveloperedition"),
        *("Firefox-esr", "Firefox Beta", "Nightly", "org.mozilla.firefox"),
    ],
    "opera": ["opera.exe", "Opera"],
    "brave": ["brave.exe"],
    "edge": ["msedge.exe", "Microsoft Edge"],
    "vivaldi": ["Vivaldi-stable", "Vivaldi-snapshot", "vivaldi.exe"],
}

#: Texts in either kind of quotes and what is between them, up to a semicolon; a quote that is never closed is no text.
_STATEMENT: Final = re.compile(r"""(?:"(?:[^"\\]|\\"|\\(?!"))*"|'(?:[^'\\]|\\'|\\(?!'))*'|[^;])+""")


def canonicalEvents(  # noqa: N802  ActivityWatch's own
    params: DesktopQueryParams | AndroidQueryParams, client: SettingReader | None = None
) -> str:
    """Build the statements that set ``events``, for a desktop also ``not_afk`` and perhaps ``browser_events``.

    Args:
        params: what to ask; it is left as it is, where aw-client writes into it.
        client: whose categories to take where ``params`` has none, as ``get_classes`` does.
    """
    statements = [*_iter_desktop(params)] if isinstance(params, DesktopQueryParams) else [*_iter_android(params)]
    statements.append(f"events = categorize(events, {_write_classes(params, client)});")
    if params.filter_classes:
        statements.append(f'events = filter_keyvals(events, "$category", {write_literal(params.filter_classes)});')
    return "\n".join(statements)


def _iter_desktop(params: DesktopQueryParams) -> Iterator[str]:
    yield f"events = {_flood_found(params.bid_window)};"
    yield f"not_afk = {_flood_found(params.bid_afk)};"
    yield 'not_afk = filter_keyvals(not_afk, "status", ["not-afk"]);'
    if params.always_active_pattern:
        pattern = write_pattern(params.always_active_pattern)
        for key in ("app", "title"):
            yield f'not_treat_as_afk = filter_keyvals_regex(events, "{key}", {pattern});'
            yield "not_afk = period_union(not_afk, not_treat_as_afk);"
    if params.bid_browsers:
        yield browserEvents(params)
    if params.bid_browsers and params.include_audible:
        yield 'audible_events = filter_keyvals(browser_events, "audible", [true]);'
        yield "not_afk = period_union(not_afk, audible_events);"
    if params.filter_afk:
        yield "events = filter_period_intersect(events, not_afk);"


def _iter_android(params: AndroidQueryParams) -> Iterator[str]:
    """Yield nothing of browsers: with their buckets, aw-client asks for events here that the query does not have."""
    yield f"events = {_flood_found(params.bid_android)};"
    yield 'events = merge_events_by_keys(events, ["app"]);'


def _flood_found(bucket_id: str) -> str:
    return f'flood(query_bucket(find_bucket("{escape_doublequote(bucket_id)}")))'


def _write_classes(params: QueryParams, client: SettingReader | None) -> str:
    classes = params.classes or get_classes(client)
    return f"[{', '.join(f'[{write_literal(category)}, {write_rule(rule)}]' for category, rule in classes)}]"


def browserEvents(params: DesktopQueryParams) -> str:  # noqa: N802  ActivityWatch's own
    """Build the statements that set ``browser_events``: all browsers' pages, while the browser was in front."""
    statements = ["browser_events = [];"]
    for browser, bucket_id in browsersWithBuckets(params.bid_browsers):
        pages, windows = f"events_{browser}", f"window_{browser}"
        statements += [
            f'{pages} = flood(query_bucket("{escape_doublequote(bucket_id)}"));',
            f'{windows} = filter_keyvals(events, "app", {write_literal(browser_appnames[browser])});',
            f"{pages} = filter_period_intersect({pages}, {windows});",
            f"{pages} = split_url_events({pages});",
            f"browser_events = concat(browser_events, {pages});",
            "browser_events = sort_by_timestamp(browser_events);",
        ]
    return "\n".join(statements)


def browsersWithBuckets(browserbuckets: list[str]) -> list[tuple[str, str]]:  # noqa: N802  ActivityWatch's own
    """Return each known browser with the first bucket id that holds its name, leaving out those without one."""
    found = {
        browser: next((bucket_id for bucket_id in browserbuckets if browser in bucket_id), None)
        for browser in browser_appnames
    }
    return [(browser, bucket_id) for browser, bucket_id in found.items() if bucket_id is not None]


def fullDesktopQuery(params: DesktopQueryParams, client: SettingReader | None = None) -> str:  # noqa: N802  ActivityWatch's own
    """Build the query of all that a report of a computer shows.

    Its result is ``{"events", "window": {"app_events", "title_events", "cat_events", "active_events", "duration"},
    "browser": {"domains", "urls", "duration"}}``; the lists of ``browser``, ``app_events`` and ``title_events`` have
    at most ``default_limit`` events, the longest first.

    Args:
        params: what to ask.
        client: as for ``canonicalEvents``.
    """
    return "\n".join([canonicalEvents(params, client), *_iter_windows(), *_iter_pages(params), _RETURN])


def _iter_windows() -> Iterator[str]:
    yield 'title_events = sort_by_duration(merge_events_by_keys(events, ["app", "title"]));'
    yield 'app_events = sort_by_duration(merge_events_by_keys(title_events, ["app"]));'
    yield 'cat_events = sort_by_duration(merge_events_by_keys(events, ["$category"]));'
    for name in ("app_events", "title_events"):
        yield f"{name} = limit_events({name}, {default_limit});"
    yield "duration = sum_durations(events);"


def _iter_pages(params: DesktopQueryParams) -> Iterator[str]:
    if not params.bid_browsers:
        yield from (f"{name} = [];" for name in ("browser_events", "browser_urls", "browser_domains"))
        yield "browser_duration = 0;"
        return
    yield "browser_events = split_url_events(browser_events);"
    for name, key in (("browser_urls", "url"), ("browser_domains", "$domain")):
        yield f'{name} = merge_events_by_keys(browser_events, ["{key}"]);'
        yield f"{name} = sort_by_duration({name});"
        yield f"{name} = limit_events({name}, {default_limit});"  # the number, where aw-client 0.5.15 sends its name
    yield "browser_duration = sum_durations(browser_events);"


_RETURN: Final = """\
RETURN = {
    "events": events,
    "window": {
        "app_events": app_events,
        "title_events": title_events,
        "cat_events": cat_events,
        "active_events": not_afk,
        "duration": duration
    },
    "browser": {"domains": browser_domains, "urls": browser_urls, "duration": browser_duration}
};"""


def pretty_query(query: str) -> str:
    """Return a query without indentation and empty lines."""
    return "\n".join(stripped for line in query.split("\n") if (stripped := line.strip()))


def querystr_to_array(querystr: str) -> list[str]:
    """Return the statements of a query, each with its semicolon; in aw-client one within a text ends them, too."""
    return [f"{statement};" for statement in _STATEMENT.findall(querystr)]


def escape_doublequote(s: str) -> str:
    """Return text for between double quotes; quotes that are escaped already stay as they are."""
    return re.sub(r'(?<!\\)"', r'\\"', s)
