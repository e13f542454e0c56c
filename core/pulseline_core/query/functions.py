"""All functions of the query language: those of aw-server and those of aw-server-rust."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pulseline_core.query import bucket_functions, event_functions
from pulseline_core.query.arguments import (
    check_events,
    check_integer,
    check_list,
    check_list_or_events,
    check_number,
    check_optional_text,
    check_text,
    check_texts,
    check_value,
)
from pulseline_core.query.signature import Function, pure
from pulseline_core.transforms import filters, merging, order, periods, precedence, titles, urls

#: Events, then their data, then the items of a list of events: what a chunk has around what was chunked.
_CHUNK_DEPTH: Final = 3

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {
        # Buckets
        "find_bucket": Function(
            body=bucket_functions.find_bucket, required=(check_text,), optional=(check_optional_text,)
        ),
        "query_bucket": Function(body=bucket_functions.query_bucket, required=(check_text,)),
        "query_bucket_eventcount": Function(body=bucket_functions.query_bucket_eventcount, required=(check_text,)),
        "query_bucket_names": Function(body=bucket_functions.query_bucket_names),
        # Which events
        "filter_keyvals": Function(body=pure(filters.filter_keyvals), required=(check_events, check_text, check_list)),
        "exclude_keyvals": Function(
            body=pure(event_functions.exclude_keyvals), required=(check_events, check_text, check_list)
        ),
        "filter_keyvals_regex": Function(
            body=pure(filters.filter_keyvals_regex), required=(check_events, check_text, check_text)
        ),
        "limit_events": Function(body=pure(order.limit_events), required=(check_events, check_integer)),
        # When
        "filter_period_intersect": Function(
            body=pure(periods.filter_period_intersect), required=(check_events, check_events)
        ),
        "period_union": Function(body=pure(periods.period_union), required=(check_events, check_events)),
        "union_no_overlap": Function(body=pure(precedence.union_no_overlap), required=(check_events, check_events)),
        "flood": Function(body=pure(event_functions.flood), required=(check_events,), optional=(check_number,)),
        # Together
        "concat": Function(body=event_functions.concat, required=(check_list_or_events,), is_variadic=True),
        "sort_by_timestamp": Function(body=pure(order.sort_by_timestamp), required=(check_events,)),
        "sort_by_duration": Function(body=pure(order.sort_by_duration), required=(check_events,)),
        "sum_durations": Function(body=pure(event_functions.sum_durations), required=(check_events,)),
        "merge_events_by_keys": Function(body=pure(merging.merge_events_by_keys), required=(check_events, check_texts)),
        "chunk_events_by_key": Function(
            body=event_functions.chunk_events_by_key, required=(check_events, check_text), deepens=_CHUNK_DEPTH
        ),
        "merge_subwatcher_fields": Function(
            body=pure(event_functions.merge_subwatcher_fields),
            required=(check_events, check_events, check_texts),
            optional=(check_text,),
        ),
        # What they are about
        "split_url_events": Function(body=pure(urls.split_url_events), required=(check_events,)),
        "simplify_window_titles": Function(body=pure(titles.simplify_string), required=(check_events, check_text)),
        "categorize": Function(body=event_functions.categorize, required=(check_events, check_list)),
        "tag": Function(body=event_functions.tag, required=(check_events, check_list)),
        # Anything
        "nop": Function(body=pure(event_functions.nop)),
        "print": Function(body=event_functions.note, is_variadic=True),
        "contains": Function(body=pure(event_functions.contains), required=(check_value, check_value)),
    }
)
