"""Transforms of timelines: ActivityWatch's.

Here they are functions over lists of events; the modules have them over columns, as queries use them.
"""

from pulseline_core.transforms.event_lists import (
    Rule,
    categorize,
    chunk_events_by_key,
    concat,
    filter_keyvals,
    filter_keyvals_regex,
    filter_period_intersect,
    flood,
    heartbeat_merge,
    heartbeat_reduce,
    limit_events,
    merge_events_by_keys,
    merge_subwatcher_fields,
    period_union,
    simplify_string,
    sort_by_duration,
    sort_by_timestamp,
    split_url_events,
    sum_durations,
    tag,
    union,
    union_no_overlap,
)

__all__ = [
    "Rule",
    "categorize",
    "chunk_events_by_key",
    "concat",
    "filter_keyvals",
    "filter_keyvals_regex",
    "filter_period_intersect",
    "flood",
    "heartbeat_merge",
    "heartbeat_reduce",
    "limit_events",
    "merge_events_by_keys",
    "merge_subwatcher_fields",
    "period_union",
    "simplify_string",
    "sort_by_duration",
    "sort_by_timestamp",
    "split_url_events",
    "sum_durations",
    "tag",
    "union",
    "union_no_overlap",
]
