"""What an export is of: buckets, and a range of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pulseline_api.reader import Reader
from pulseline_core.bucket import Bucket
from pulseline_core.errors import NotFound
from pulseline_core.store import EventRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The buckets and the range, and where their events are read.

    Attributes:
        start: the first instant, to which events are cut; ``None`` is the beginning of time.
        end: the last instant; ``None`` is the end of time.
    """

    reader: Reader
    buckets: Sequence[Bucket]
    start: datetime | None = None
    end: datetime | None = None

    def iter_buckets(self) -> Iterator[tuple[Bucket, Iterator[Sequence[EventRow]]]]:
        """Yield each bucket with its events, newest first, a page at a time; those deleted meanwhile are left out."""
        for bucket in self.buckets:
            try:
                pages = self.reader.iter_event_pages(bucket.id, start=self.start, end=self.end)
            except NotFound:
                continue
            yield bucket, pages

    def iter_pages(self) -> Iterator[tuple[Bucket, Sequence[EventRow]]]:
        """Yield each page with its bucket."""
        for bucket, pages in self.iter_buckets():
            for page in pages:
                yield bucket, page
