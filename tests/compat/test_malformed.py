"""Requests that nobody should send, to the running server: refused with a message, nothing written, never a 5xx.

Bodies are ``tests/e2e/test_poison.py``'s matter; this is about where they are sent, how, and from which page.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn
from urllib.parse import quote

import httpx
import pytest

from tests.compat.samples import build_event
from tests.e2e.up_process import Up
from tests.poison import STRANGE_BUCKETS

#: What a page can send without asking the server first, and what it has to ask for.
CONTENT_TYPES = [
    "multipart/form-data; boundary=x",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json",
]

FOREIGN_ORIGINS = ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1", "file://"]

_BUCKET = {"id": "stolen", "type": "t", "client": "c", "hostname": "h", "created": "2026-03-01T12:00:00Z", "events": []}

_EXPORT = json.dumps({"buckets": {"stolen": _BUCKET}})

_MULTIPART = (
    '--x\r\nContent-Disposition: form-data; name="buckets.json"; filename="b.json"\r\n'
    f"Content-Type: application/json\r\n\r\n{_EXPORT}\r\n--x--\r\n"
)

#: Every way in which a page could write, by the body that would do it.
WRITES = {
    "import": ("POST", "import", _EXPORT),
    "bucket": ("POST", "buckets/stolen", json.dumps(_BUCKET)),
    "events": ("POST", "buckets/{}/events", json.dumps([build_event(1)])),
    "heartbeat": ("POST", "buckets/{}/heartbeat?pulsetime=60", json.dumps(build_event(1))),
    "setting": ("POST", "settings/stolen", "true"),
    "delete": ("DELETE", "buckets/{}?force=1", ""),
    "range": ("DELETE", "buckets/{}/events?start=2026-03-01&end=2026-03-02", ""),
    "update": ("PUT", "buckets/{}", json.dumps(_BUCKET)),
}


def read_all(http: httpx.Client) -> Any:
    """Return everything that is stored; the bodies have to be JSON as browsers read it."""
    answers = [http.get(path).raise_for_status() for path in ("/export", "/settings")]
    return [json.loads(answer.content, parse_constant=refuse) for answer in answers]


def refuse(constant: str) -> NoReturn:
    """Fail for ``NaN`` and the infinities, which Python would take."""
    raise AssertionError(constant)


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize(("method", "path", "body"), WRITES.values(), ids=WRITES)
def test_foreign_page_writes_nothing(
    http: httpx.Client, bucket: str, origin: str, content_type: str, method: str, path: str, body: str
) -> None:
    """Neither with a form nor with what its preflight would have refused; ``Host`` is ours, as in a browser."""
    http.post(f"/buckets/{bucket}/events", json=[build_event(0)]).raise_for_status()
    before = read_all(http)
    content = _MULTIPART if content_type.startswith("multipart") else body
    headers = {"Origin": origin, "Content-Type": content_type}

    answer = http.request(method, f"/{path.format(bucket)}", content=content, headers=headers)

    assert answer.status_code == 403
    assert answer.json()["message"]
    assert read_all(http) == before


@pytest.mark.parametrize("content_type", CONTENT_TYPES[:-1])
@pytest.mark.parametrize("name", ["bucket", "events", "heartbeat", "setting"])
def test_forms_write_nothing(http: httpx.Client, bucket: str, name: str, content_type: str) -> None:
    """Also without an ``Origin``: what is not JSON is not read."""
    before = read_all(http)
    method, path, body = WRITES[name]

    answer = http.request(method, f"/{path.format(bucket)}", content=body, headers={"Content-Type": content_type})

    assert 400 <= answer.status_code < 500
    assert answer.json()["message"]
    assert read_all(http) == before


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5600", "127.0.0.1.evil.example"])
def test_rebound_name_is_refused(http: httpx.Client, host: str) -> None:
    """A read as well (GHSA-v9fg-6g9j-h4x4)."""
    assert http.get("/export", headers={"Host": host}).status_code == 400


def test_foreign_page_may_not_see_an_answer(http: httpx.Client) -> None:
    """Without the header no browser shows it to the page."""
    answer = http.get("/buckets/", headers={"Origin": "https://evil.example"})

    assert "Access-Control-Allow-Origin" not in answer.headers


PULSETIMES = [
    "",
    "?pulsetime=",
    *(f"?pulsetime={text}" for text in ("x", "nan", "inf", "-inf", "-1", "1e999", "1,5", "0x10")),
]


@pytest.mark.parametrize("query", PULSETIMES)
def test_pulsetime_that_is_none_is_400(http: httpx.Client, bucket: str, query: str) -> None:
    """And the heartbeat is not stored."""
    answer = http.post(f"/buckets/{bucket}/heartbeat{query}", json=build_event(0))

    assert answer.status_code == 400
    assert "pulsetime" in answer.json()["message"]
    assert http.get(f"/buckets/{bucket}/events").json() == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("events?limit=x", 400),
        ("events?limit=1e999", 400),
        ("events?limit=1.5", 400),
        ("events?limit=" + "9" * 5000, 400),
        ("events?start=yesterday", 400),
        ("events?start=", 400),
        ("events?start=2026-02-30", 400),
        ("events?end=0001-01-01T00:00:00%2B14:00", 400),
        ("events?end=9999-12-31T23:59:59-14:00", 400),
        ("events?start=%00", 400),
        ("events?start=%FF", 400),
        ("events/count?start=NaN", 400),
        ("events/x", 404),
        ("events/-1", 404),
        ("events/1e3", 404),
        ("events/" + "9" * 30, 404),
        ("events/9223372036854775808", 404),
    ],
)
def test_parameters_that_do_not_fit_are_refused(http: httpx.Client, bucket: str, path: str, status: int) -> None:
    """With a message each."""
    answer = http.get(f"/buckets/{bucket}/{path}")

    assert answer.status_code == status
    assert answer.json()["message"]


@pytest.mark.parametrize("bucket_id", STRANGE_BUCKETS.values(), ids=STRANGE_BUCKETS)
def test_strange_bucket_ids_work_over_rest(http: httpx.Client, bucket_id: str) -> None:
    """Created, written to, listed under the id as it is, deleted; no other bucket is touched."""
    before = set(http.get("/buckets/").json())
    path = f"/buckets/{quote(bucket_id, safe='').replace('.', '%2E')}"
    body = {"client": "c", "type": "t", "hostname": "h"}

    created = http.post(path, json=body)
    beat = http.post(f"{path}/heartbeat?pulsetime=0", json=build_event(0))
    between = set(http.get("/buckets/").json())
    deleted = http.delete(path, params={"force": "1"})

    assert [answer.status_code for answer in (created, beat, deleted)] == [200, 200, 200]
    assert between == before | {bucket_id}
    assert set(http.get("/buckets/").json()) == before


@pytest.mark.parametrize("path", ["a%00b", "a%0Ab", "a%7F", "%FF", "%ED%A0%80", "b" * 257, "b" * 4096, "%20" * 300, ""])
def test_bucket_ids_that_can_not_be_are_refused(http: httpx.Client, path: str) -> None:
    """Nothing is created."""
    before = http.get("/buckets/").json()

    answer = http.post(f"/buckets/{path}", json={"client": "c", "type": "t", "hostname": "h"})

    assert 400 <= answer.status_code < 500
    assert answer.json()["message"]
    assert http.get("/buckets/").json() == before


def test_body_of_50_megabytes_is_413(http: httpx.Client, bucket: str) -> None:
    """Read to its end, so that the client gets to see why."""
    answer = http.post(
        f"/buckets/{bucket}/events",
        content=b"[" + b" " * 50_000_000 + b"]",
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 413
    assert answer.json()["message"]


def test_double_slashes_lead_to_nothing_else(system: Up) -> None:
    """``//api`` was a way around the key of aw-server-rust (its #588)."""
    base = f"http://127.0.0.1:{system.http_port}"

    answers = [
        httpx.request(
            method, f"{base}//api/0/buckets/", headers={"Host": "127.0.0.1", "Origin": "https://evil.example"}
        )
        for method in ("POST", "DELETE")
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
