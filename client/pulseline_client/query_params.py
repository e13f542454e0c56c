"""What the query builders are told: which buckets, which categories, what counts as active.

The names, and the order of the fields, are those of ``aw_client.queries``. Programs set the fields of what they have
built, so these are not frozen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeGuard

from pulseline_client.classes import CategoryId, Classes


@dataclass
class QueryParams:
    """What there is on every kind of device.

    Attributes:
        bid_browsers: ids of browsers' buckets; each is used by the browser whose name it holds.
        classes: categories with their rules; empty are those of the server.
        filter_classes: only what is in one of these categories; empty is all.
        filter_afk: only what happened while somebody was there.
        include_audible: somebody is there while the page in front plays sound.
    """

    bid_browsers: list[str] = field(default_factory=list)
    classes: Classes = field(default_factory=list)
    filter_classes: list[CategoryId] = field(default_factory=list)
    filter_afk: bool = True
    include_audible: bool = True


@dataclass
class _Desktop:
    """The fields that come first: dataclasses order by the last base."""

    bid_window: str
    bid_afk: str
    always_active_pattern: str | None = None


@dataclass
class DesktopQueryParams(QueryParams, _Desktop):
    """What a computer records.

    Attributes:
        bid_window: id of the bucket of windows, or the beginning of one.
        bid_afk: the same of the bucket that says when nobody was there.
        always_active_pattern: a regular expression; somebody is there while an app or title matches it.
    """


@dataclass
class _Android:
    bid_android: str


@dataclass
class AndroidQueryParams(QueryParams, _Android):
    """What a phone records; it has no bucket that says when nobody was there.

    Attributes:
        bid_android: id of the bucket of apps, or the beginning of one.
    """


def isDesktopParams(params: QueryParams) -> TypeGuard[DesktopQueryParams]:  # noqa: N802  ActivityWatch's own
    """Return whether these are a computer's."""
    return isinstance(params, DesktopQueryParams)


def isAndroidParams(params: QueryParams) -> TypeGuard[AndroidQueryParams]:  # noqa: N802  ActivityWatch's own
    """Return whether these are a phone's."""
    return isinstance(params, AndroidQueryParams)
