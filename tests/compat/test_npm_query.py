"""aw-client 0.3.7 from npm (axios), unmodified: ``query``."""

from __future__ import annotations

from typing import Final

import httpx
import pytest

from tests.compat.activity import store_activity
from tests.compat.remote import ClientError, Remote
from tests.compat.samples import at

QUERY: Final = ['events = query_bucket("aw-watcher-window_my-desk");', "RETURN = sum_durations(events);"]


@pytest.fixture(scope="module", autouse=True)
def _activity(http: httpx.Client) -> None:
    store_activity(http)


def build_date(offset_s: float) -> dict[str, str]:
    """Return what becomes a ``Date``."""
    return {"$date": at(offset_s).isoformat()}


def test_query_takes_texts_and_dates(js: Remote) -> None:
    """A period with the offset of the place, or two dates, which the client tells as UTC."""
    here, dates = (
        "2026-03-01T14:00:00+02:00/2026-03-01T14:10:00+02:00",
        {"start": build_date(600), "end": build_date(1000)},
    )

    assert js.call("query", [here, dates], QUERY) == [600, 400]


def test_query_without_the_clients_cache_is_never_asked(js: Remote) -> None:
    """A fault of the client, known as that of 0.4.1: it returns nothing, and sends no request."""
    assert js.call("query", ["no period"], QUERY, {"cache": False}) == []


def test_query_with_the_clients_cache(js: Remote) -> None:
    """What it has is not asked for again, and the rest is answered in its place; an empty answer is asked for again."""
    periods = [f"{at(begin).isoformat()}/{at(begin + 100).isoformat()}" for begin in (0, 550, 9000)]
    query = ['RETURN = query_bucket("aw-watcher-window_my-desk");']

    first = js.call("query", periods[1:2], query)
    answers = js.call("query", periods, query)

    assert [len(events) for events in answers] == [1, 2, 0]
    assert answers[1:2] == first


def test_query_that_is_wrong_is_400(js: Remote) -> None:
    """With a message that pages show."""
    with pytest.raises(ClientError) as caught:
        js.call("query", [f"{at(0).isoformat()}/{at(1).isoformat()}"], ["RETURN = nothing;"])

    assert caught.value == ClientError("AxiosError", 400)
