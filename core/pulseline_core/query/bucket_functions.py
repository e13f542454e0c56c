"""The functions that look at buckets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pulseline_core.errors import NotFound
from pulseline_core.query.errors import QueryFunctionError, shorten, suggest
from pulseline_core.query.measured import Value
from pulseline_core.query.namespace import Namespace
from pulseline_core.query.signature import Context
from pulseline_core.transforms.columns import Columns

#: How a filter and a bucket id may fit, the best first: aw-server knows the last one, aw-server-rust the others.
_MATCHES: Final[tuple[Callable[[str, str], bool], ...]] = (
    lambda bucket_id, text: bucket_id == text,
    lambda bucket_id, text: bucket_id.startswith(text),
    lambda bucket_id, text: text in bucket_id,
)

_NEWEST_FIRST: Final = slice(None, None, -1)


def find_bucket(context: Context, _namespace: Namespace, text: str, hostname: str | None = None) -> str:
    """Return the oldest bucket whose id is the text; or else begins with it; or else contains it."""
    hosted = [bucket_id for bucket_id, host in context.source.read_buckets() if not hostname or host == hostname]
    for matches in _MATCHES:
        for bucket_id in hosted:
            if matches(bucket_id, text):
                return bucket_id
    raise QueryFunctionError(
        f"Unable to find bucket matching '{shorten(text)}' (hostname filter set to '{shorten(hostname)}')"
    )


def query_bucket(context: Context, namespace: Namespace, bucket_id: str) -> Columns:
    """Return the events of a bucket within the period, cut to it, newest first."""
    try:
        events = context.source.read_events(bucket_id, *namespace.read_period())
    except NotFound:
        raise _refuse_bucket(context, bucket_id) from None
    context.budget.count_read(len(events))
    return events.take(_NEWEST_FIRST)


def query_bucket_eventcount(context: Context, namespace: Namespace, bucket_id: str) -> int:
    """Return how many events a bucket has within the period."""
    try:
        return context.source.count_events(bucket_id, *namespace.read_period())
    except NotFound:
        raise _refuse_bucket(context, bucket_id) from None


def query_bucket_names(context: Context, _namespace: Namespace) -> list[Value]:
    """Return the ids of all buckets, the oldest first."""
    return [bucket_id for bucket_id, _ in context.source.read_buckets()]


def _refuse_bucket(context: Context, bucket_id: str) -> QueryFunctionError:
    meant = suggest(bucket_id, (each for each, _ in context.source.read_buckets()))
    return QueryFunctionError(f"There's no bucket named '{shorten(bucket_id)}'{meant}")
