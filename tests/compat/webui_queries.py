r"""The queries of aw-webui (src/queries.ts and the views of 012ea25), as they arrive: statements, one a text.

The shape is theirs: indented statements with ends of lines within, JSON pasted into the language with every ``\\``
made one backslash for categories and none for patterns of browsers, variables named after hosts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

#: Two of the patterns by which browsers are known, and the exact names beside them.
BROWSERS: Final = {
    "chrome": (["com.google.Chrome"], r"(?i)^(google[-_ ]?chrome|chrome|chromium|arc(\.exe)?$|dia(\.exe)?$)"),
    "firefox": (["org.mozilla.firefox"], "(?i)(firefox|librewolf|waterfox|nightly)"),
}

LIMIT: Final = 100


def dump(value: Any) -> str:
    """Return JSON as ``JSON.stringify`` writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, kw_only=True)
class View:
    """What a person has chosen.

    Attributes:
        categories: pairs of a name and a rule.
        kept: names of the categories that are shown; ``None`` is all.
        browsers: ids of buckets.
        stopwatch: id of a bucket.
        always_active: pattern of what is activity without a key pressed.
        filter_afk: leave out when nobody was there.
        audible: a page that plays is activity.
        suffix: of the variables that keep what one of several computers did.
    """

    categories: Sequence[Any]
    kept: Sequence[Any] | None = None
    browsers: Sequence[str] | None = None
    stopwatch: str | None = None
    always_active: str | None = None
    filter_afk: bool = True
    audible: bool = True
    suffix: str = ""


def split(text: str) -> list[str]:
    """Return the statements, each with its semicolon; none of ours holds one in a text."""
    return [f"{statement.strip()};" for statement in text.split(";") if statement.strip()]


def canonical(view: View, *, window: str, afk: str | None) -> str:
    """Return what sets ``events`` and, for a computer, ``not_afk``."""
    lines = [f"events = flood({_query_bucket(window)});"]
    if afk is None:
        lines.append('events = merge_events_by_keys(events, ["app"]);')
    else:
        lines += _find_activity(view, afk)
    if view.stopwatch is None:
        lines.append("stopwatch_events = [];")
    else:
        lines.append(f"""stopwatch_events = query_bucket("{view.stopwatch}");
         events = union_no_overlap(stopwatch_events, events);""")
    categories = dump(view.categories).replace("\\\\", "\\")
    lines.append(f"events = categorize(events, {categories});")
    if view.kept is not None:
        lines.append(f'events = filter_keyvals(events, "$category", {dump(view.kept)});')
    if view.suffix:
        lines.append(f"""events_{view.suffix} = events;
         not_afk_{view.suffix} = not_afk;""")
    return "\n".join(lines)


def _query_bucket(bucket_id: str) -> str:
    return f'query_bucket(find_bucket("{bucket_id}"))' if bucket_id.endswith("_") else f'query_bucket("{bucket_id}")'


def _find_activity(view: View, afk: str) -> list[str]:
    lines = [
        f"""not_afk = flood({_query_bucket(afk)});
         not_afk = filter_keyvals(not_afk, "status", ["not-afk"]);"""
    ]
    if view.always_active:
        lines += [
            f"""not_treat_as_afk = filter_keyvals_regex(events, "{key}", "{view.always_active}");
             not_afk = period_union(not_afk, not_treat_as_afk);"""
            for key in ("app", "title")
        ]
    if view.browsers is not None:
        lines.append("\n    browser_events = [];\n  " + "".join(map(_find_pages, view.browsers)))
        if view.audible:
            lines.append("""audible_events = filter_keyvals(browser_events, "audible", [true]);
             not_afk = period_union(not_afk, audible_events);""")
    return [*lines, "events = filter_period_intersect(events, not_afk);"] if view.filter_afk else lines


def _find_pages(bucket_id: str) -> str:
    name = next(browser for browser in BROWSERS if browser in bucket_id)
    apps, pattern = BROWSERS[name]
    return f"""events_{name} = flood(query_bucket("{bucket_id}"));
       window_{name} = filter_keyvals(events, "app", {dump(apps)});
       window_{name}_re = filter_keyvals_regex(events, "app", {dump(pattern)});
       window_{name} = sort_by_timestamp(concat(window_{name}, window_{name}_re));
       events_{name} = filter_period_intersect(events_{name}, window_{name});
       events_{name} = split_url_events(events_{name});
       browser_events = concat(browser_events, events_{name});
       browser_events = sort_by_timestamp(browser_events);"""


_SUMS: Final = f"""
    title_events = sort_by_duration(merge_events_by_keys(events, ["app", "title"]));
    app_events   = sort_by_duration(merge_events_by_keys(title_events, ["app"]));
    cat_events   = sort_by_duration(merge_events_by_keys(events, ["$category"]));

    app_events  = limit_events(app_events, {LIMIT});
    title_events  = limit_events(title_events, {LIMIT});
    duration = sum_durations(events);
    """

_WINDOW: Final = """{
            "app_events": app_events,
            "title_events": title_events,
            "cat_events": cat_events,
            "active_events": not_afk,
            "duration": duration
        }"""


def full_desktop(view: View, host: str) -> list[str]:
    """Return the query of the page of activity; its view names browsers, be it none."""
    pages = "".join(
        f"""
    browser_{name} = merge_events_by_keys(browser_events, ["{key}"]);
    browser_{name} = sort_by_duration(browser_{name});
    browser_{name} = limit_events(browser_{name}, {LIMIT});"""
        for name, key in (("urls", "url"), ("domains", "$domain"), ("titles", "title"))
    )
    return split(
        f"""
    {canonical(view, window=f"aw-watcher-window_{host}", afk=f"aw-watcher-afk_{host}")}{_SUMS}
    browser_events = split_url_events(browser_events);{pages}
    browser_duration = sum_durations(browser_events);
    stopwatch_events = merge_events_by_keys(stopwatch_events, ["label"]);
    stopwatch_events = sort_by_duration(stopwatch_events);
    stopwatch_events = limit_events(stopwatch_events, {LIMIT});

    RETURN = {{
        "window": {_WINDOW},
        "browser": {{
            "domains": browser_domains,
            "urls": browser_urls,
            "titles": browser_titles,
            "duration": browser_duration
        }},
        "stopwatch": {{
            "stopwatch_events": stopwatch_events
        }}
    }};"""
    )


def multidevice(view: View, hosts: Sequence[str]) -> list[str]:
    """Return the query over several computers, the first of which goes before the others."""
    return split(f'{_unite(view, hosts)}{_SUMS}\n    RETURN = {{\n        "window": {_WINDOW}\n    }};')


def _unite(view: View, hosts: Sequence[str]) -> str:
    names = {host: "".join(letter for letter in host if letter.isalnum() or letter == "_") for host in hosts}
    parts = [
        canonical(replace(view, suffix=name), window=f"aw-watcher-window_{host}", afk=f"aw-watcher-afk_{host}")
        for host, name in names.items()
    ]
    united = "".join(
        f"""
    events = union_no_overlap(events, events_{name});
    not_afk = union_no_overlap(not_afk, not_afk_{name});
    """
        for name in names.values()
    )
    return "\n".join(parts) + "events = [];not_afk = [];" + united


def android(view: View, bucket_id: str) -> list[str]:
    """Return the query of a phone."""
    return split(f"""
    {canonical(view, window=bucket_id, afk=None)}

    title_events = sort_by_duration(merge_events_by_keys(events, ["app", "classname"]));
    app_events   = sort_by_duration(merge_events_by_keys(title_events, ["app"]));
    cat_events   = sort_by_duration(merge_events_by_keys(events, ["$category"]));

    events = sort_by_timestamp(events);
    app_events  = limit_events(app_events, {LIMIT});
    title_events  = limit_events(title_events, {LIMIT});
    duration = sum_durations(events);
    RETURN  = {{"app_events": app_events, "title_events": title_events, "cat_events": cat_events,
        "duration": duration, "active_events": app_events}};
  """)


def categories(view: View, host: str) -> list[str]:
    """Return the query of the chart of categories over time."""
    return split(f"""
  {canonical(view, window=f"aw-watcher-window_{host}", afk=f"aw-watcher-afk_{host}")}
  cat_events   = sort_by_duration(merge_events_by_keys(events, ["$category"]));
  RETURN = {{ "cat_events": cat_events }};
""")


def activity(afk_buckets: Sequence[str]) -> list[str]:
    """Return the query of the history of activity."""
    lines = ["not_afk = [];"]
    for bucket_id in afk_buckets:
        lines += [
            f'not_afk_curr = query_bucket("{bucket_id}");',
            'not_afk_curr = filter_keyvals(not_afk_curr, "status", ["not-afk"]);',
            "not_afk = union_no_overlap(not_afk, not_afk_curr);",
        ]
    return [*lines, 'not_afk = merge_events_by_keys(not_afk, ["status"]);', "RETURN = not_afk;"]


def editor(buckets: Sequence[str]) -> list[str]:
    """Return the query of what was edited."""
    lines = ["events = [];", *(f'events = concat(events, flood(query_bucket("{each}")));' for each in buckets)]
    for name, keys in (("files", '"file", "language"'), ("languages", '"language"'), ("projects", '"project"')):
        lines += [
            f"{name} = sort_by_duration(merge_events_by_keys(events, [{keys}]));",
            f"{name} = limit_events({name}, {LIMIT});",
        ]
    result = '{"files": files, "languages": languages, "projects": projects, "duration": duration}'
    return [*lines, "duration = sum_durations(events);", f"RETURN = {result};"]


def report(view: View, host: str) -> list[str]:
    """Return the query of the report; that of the search has the pattern as its one category."""
    text = canonical(view, window=f"aw-watcher-window_{host}", afk=f"aw-watcher-afk_{host}")
    return split(f"{text}; RETURN = events;")


def work_report(view: View, hosts: Sequence[str], *, break_s: int) -> list[str]:
    """Return the query of the report of work: one text with all of it."""
    pasted = dump(view.categories).replace("\\\\", "\\")
    parts = "".join(
        f"""
            events_{number} = flood(query_bucket("aw-watcher-window_{host}"), {break_s});
            not_afk_{number} = flood(query_bucket("aw-watcher-afk_{host}"));
            not_afk_{number} = filter_keyvals(not_afk_{number}, "status", ["not-afk"]);
            events_{number} = filter_period_intersect(events_{number}, not_afk_{number});
            events_{number} = categorize(events_{number}, {pasted});
            events_{number} = filter_keyvals(events_{number}, "$category", {dump(view.kept)});
          """
        for number, host in enumerate(hosts)
    )
    united = "".join(f"\nevents = union_no_overlap(events, events_{number});" for number in range(len(hosts)))
    return [
        f"""{parts}
events = [];{united}
          duration = sum_durations(events);
          RETURN = {{"events": events, "duration": duration}};
        """
    ]
