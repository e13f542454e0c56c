"""Reads over REST: the timeline as the server stores it. The one module that knows httpx."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Final, Self, TypeVar
from urllib.parse import quote

import httpx

from pulseline_client.event import Event
from pulseline_client.query_refused import QUERY_ERRORS, QueryRefused
from pulseline_client.stored_event import parse_stored_event
from pulseline_core import times
from pulseline_core.errors import (
    BadInput,
    ExitCode,
    InvalidSetting,
    NotAuthorized,
    NotFound,
    PulselineError,
    ServerUnavailable,
)
from pulseline_core.types import JSONObject, JSONValue

logger = logging.getLogger(__name__)

_Shape = TypeVar("_Shape")

#: For a connection on the one hand, for each piece of an answer on the other: a full export takes its time.
CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 60.0

API: Final = "/api/0"

#: The header that names what of a query was passed over, and what it printed, as a JSON array of texts.
_WARNINGS: Final = "Pulseline-Warnings"


class KeyRefused(NotAuthorized):
    """The REST server asks for a key, and was shown another one or none."""

    exit_code = ExitCode.NOT_PERMITTED

    def __init__(self, url: str, *, has_key: bool) -> None:
        super().__init__(
            f"the server at {url} {'refuses the API key' if has_key else 'asks for an API key'}",
            hint="give it as Client(key=...), or as ActivityWatchClient(api_key=...)",
        )
        self.url = url


class RestReader:
    """Reads from one server, and looks after its dead letters. A context manager; any thread may call.

    Nothing is connected before the first call.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:5600", *, read_timeout_s: float = READ_TIMEOUT_S, key: str = ""
    ) -> None:
        """Store where the server is.

        Args:
            url: the server's address, as in ``http://127.0.0.1:5600``.
            read_timeout_s: how long the server may be silent.
            key: for a server that asks for one; empty is none.

        Raises:
            InvalidSetting: the address is none.
        """
        _check_url(url)
        self.url = url.rstrip("/")
        self._timeout = httpx.Timeout(read_timeout_s, connect=CONNECT_TIMEOUT_S)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a second call does nothing, and a later read makes new ones."""
        if "_http" in self.__dict__:
            self._http.close()
            del self._http

    @cached_property
    def _http(self) -> httpx.Client:
        """The connections; made when needed, because it takes longer than all the rest of a client."""
        return httpx.Client(headers=self._headers, timeout=self._timeout, trust_env=False)

    def get_info(self) -> JSONObject:
        """Return ``{"hostname", "version", "testing", "device_id"}``."""
        return self._expect(dict, "/info")

    def get_status(self) -> JSONObject:
        """Return what the server says of itself: ingest, broker and store."""
        return self._expect(dict, "/status")

    def get_health(self, path: str) -> JSONObject:
        """Return the answer of ``/healthz`` or ``/readyz``; that something is not ready is an answer, too."""
        try:
            answer = self._http.get(self.url + path)
        except httpx.HTTPError as error:
            raise self._map_error(error) from error
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            self._check(answer, None)
        return self._check_shape(self._decode(answer, path), dict, path)

    def get_buckets(self) -> dict[str, JSONValue]:
        """Return all buckets by id, each ``{"id", "type", "client", "hostname", "created", ...}``."""
        return self._expect(dict, "/buckets/")

    def get_bucket(self, bucket_id: str) -> JSONObject:
        """Return a bucket; raise ``NotFound``."""
        return self._expect(dict, f"/buckets/{quote_segment(bucket_id)}", missing=("bucket", bucket_id))

    def has_bucket(self, bucket_id: str) -> bool:
        """Return whether the server has a bucket."""
        try:
            self.get_bucket(bucket_id)
        except NotFound:
            return False
        return True

    def get_events(
        self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None, limit: int | None = None
    ) -> list[Event]:
        """Return a bucket's events, newest first.

        Args:
            bucket_id: which bucket; raises ``NotFound``.
            start: only events that end after it, cut off there; ``None`` is from the beginning.
            end: only events that begin before it, cut off there; ``None`` is to the end.
            limit: at most so many; ``None`` is all.
        """
        query = _build_range(start, end) | ({} if limit is None else {"limit": str(limit)})
        path = f"/buckets/{quote_segment(bucket_id)}/events"
        return [parse_stored_event(item) for item in self._expect(list, path, query, missing=("bucket", bucket_id))]

    def get_event(self, bucket_id: str, event_id: int) -> Event | None:
        """Return one event, whole, or ``None`` where the bucket or the event does not exist."""
        path = f"/buckets/{quote_segment(bucket_id)}/events/{event_id}"
        try:
            return parse_stored_event(self._get(path, missing=("event", event_id)))
        except NotFound:
            return None

    def get_eventcount(self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None) -> int:
        """Return how many events a bucket has, or touch a time; raise ``NotFound``."""
        path = f"/buckets/{quote_segment(bucket_id)}/events/count"
        return self._expect(int, path, _build_range(start, end), missing=("bucket", bucket_id))

    def get_settings(self) -> JSONObject:
        """Return all settings of the server."""
        return self._expect(dict, "/settings")

    def get_setting(self, key: str) -> JSONValue:
        """Return one setting, ``None`` where it is not set."""
        return self._get(f"/settings/{quote_segment(key)}")

    def query(
        self,
        query: str,
        periods: Sequence[tuple[datetime, datetime]],
        *,
        name: str | None = None,
        warn: Callable[[str], object] | None = None,
    ) -> list[JSONValue]:
        """Run a query over periods of time; return its result for each, in their order.

        Args:
            query: statements, each ended by ``;``; the result is what ``RETURN`` is in the end.
            periods: starts and ends, aware.
            name: the query's variable ``NAME``; ``None`` is an empty text.
            warn: told of what the server passed over, as a category's pattern that can not be, and what the query
                printed, as ``print: ...``; ``None`` logs it.

        Raises:
            QueryRefused: the server can not read or run the query; its message says why, and mostly where.
            BadInput: an instant has no time zone, or the server takes no such request.
        """
        spans: list[JSONValue] = [f"{_format_aware(start)}/{_format_aware(end)}" for start, end in periods]
        body = {"query": query.split("\n"), "timeperiods": spans}
        answer = self._call("POST", "/query/", {} if name is None else {"name": name}, content=encode_json(body))
        results = self._check_shape(self._decode(answer, "/query/"), list, "/query/")
        if len(results) != len(periods):
            raise ServerUnavailable(self.url, f"it answers {len(results)} results for {len(periods)} periods")
        for warning in _read_warnings(answer):
            (warn or _log_warning)(warning)
        return results

    def get_dead_letters(self, *, limit: int | None = None, before_id: int | None = None) -> list[JSONValue]:
        """Return dead letters, newest first: at most ``limit``, those older than ``before_id``."""
        asked = {"limit": limit, "before_id": before_id}
        query = {name: str(value) for name, value in asked.items() if value is not None}
        return self._expect(list, "/dead-letters", query)

    def get_dead_letter(self, dead_letter_id: int) -> JSONObject:
        """Return one dead letter with its payload; raise ``NotFound``."""
        return self._expect(dict, f"/dead-letters/{dead_letter_id}", missing=("dead letter", dead_letter_id))

    def replay_dead_letter(self, dead_letter_id: int) -> None:
        """Have a dead letter applied again; raise ``NotFound``, or ``BadInput`` with why it still can not be."""
        self._call("POST", f"/dead-letters/{dead_letter_id}/replay", missing=("dead letter", dead_letter_id))

    def drop_dead_letter(self, dead_letter_id: int) -> None:
        """Have a dead letter forgotten; raise ``NotFound``."""
        self._call("DELETE", f"/dead-letters/{dead_letter_id}", missing=("dead letter", dead_letter_id))

    def iter_export(
        self,
        bucket_id: str | None = None,
        *,
        form: str = "json",
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Iterator[bytes]:
        """Yield the export of a bucket, or of all, piece by piece.

        Args:
            bucket_id: which bucket; ``None`` is all.
            form: ``json``, one document ``{"buckets": {id: {..., "events": [...]}}}``; ``csv``; or ``ndjson``, a line
                ``{"bucket", "timestamp", "duration", "data"}`` an event.
            start: as in ``get_events``.
            end: as in ``get_events``.

        Raises:
            NotFound: the bucket does not exist.
            ServerUnavailable: also when the connection ends before the export does.
        """
        path = "/export" if bucket_id is None else f"/buckets/{quote_segment(bucket_id)}/export"
        query = _build_range(start, end) | ({} if form == "json" else {"format": form})
        try:
            with self._http.stream("GET", self.url + API + path, params=query) as answer:
                if answer.is_error:
                    answer.read()
                self._check(answer, None if bucket_id is None else ("bucket", bucket_id))
                yield from answer.iter_bytes()
        except httpx.HTTPError as error:
            raise self._map_error(error) from error

    def _expect(
        self,
        shape: type[_Shape],
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        missing: tuple[str, str | int] | None = None,
    ) -> _Shape:
        """Return what the server answers, which has to be of the given type."""
        return self._check_shape(self._get(path, query, missing=missing), shape, path)

    def _check_shape(self, value: JSONValue, shape: type[_Shape], path: str) -> _Shape:
        if not isinstance(value, shape):
            raise ServerUnavailable(self.url, f"its answer to {path!r} is not what pulseline answers")
        return value

    def _get(
        self, path: str, query: Mapping[str, str] | None = None, *, missing: tuple[str, str | int] | None = None
    ) -> JSONValue:
        return self._decode(self._call("GET", path, query, missing=missing), path)

    def _decode(self, answer: httpx.Response, path: str) -> JSONValue:
        try:
            value: JSONValue = answer.json()
        except ValueError as error:
            raise ServerUnavailable(self.url, f"its answer to {path!r} is not JSON") from error
        return value

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
        missing: tuple[str, str | int] | None = None,
    ) -> httpx.Response:
        headers = None if content is None else {"Content-Type": "application/json"}
        try:
            answer = self._http.request(method, self.url + API + path, params=query, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise self._map_error(error) from error
        self._check(answer, missing)
        return answer

    def _check(self, answer: httpx.Response, missing: tuple[str, str | int] | None) -> None:
        """Raise what an answer other than 2xx means; 304 is a bucket that exists already."""
        status = answer.status_code
        if answer.is_success or status == httpx.codes.NOT_MODIFIED:
            return
        problem = _read_problem(answer)
        message = _get_message(problem, answer)
        if status == httpx.codes.NOT_FOUND and missing is not None:
            raise NotFound(*missing)
        if status == httpx.codes.UNAUTHORIZED and "WWW-Authenticate" in answer.headers:
            raise KeyRefused(self.url, has_key="Authorization" in self._headers)
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise NotAuthorized(message)
        if problem.get("type") in QUERY_ERRORS:
            raise QueryRefused(str(problem["type"]), message)
        if answer.is_client_error:
            raise BadInput(message)
        raise ServerUnavailable(self.url, f"HTTP {status}: {message}")

    def _map_error(self, error: httpx.HTTPError) -> PulselineError:
        return ServerUnavailable(self.url, str(error) or type(error).__name__)


def _check_url(url: str) -> None:
    try:
        httpx.URL(url).host.encode("idna")  # as a socket does
    except (httpx.InvalidURL, UnicodeError) as error:
        raise InvalidSetting("url", f"is {url[:64]!r}, which is no address of a server: {error}") from error


def quote_segment(text: str) -> str:
    """Return an id as one segment of a path; ``.`` and ``..`` as they are would be steps (RFC 3986 section 5.2.4)."""
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")


def _build_range(start: datetime | None, end: datetime | None) -> dict[str, str]:
    asked = {"start": start, "end": end}
    return {name: times.format_timestamp(instant) for name, instant in asked.items() if instant is not None}


def _format_aware(instant: datetime) -> str:
    if instant.tzinfo is None:
        raise BadInput(f"time {instant.isoformat()!r} of a period has no time zone", hint="give it one: .astimezone()")
    return instant.isoformat()


def _read_warnings(answer: httpx.Response) -> list[str]:
    try:
        warnings: JSONValue = json.loads(answer.headers.get(_WARNINGS, "[]"))
    except ValueError:
        warnings = None
    return [each for each in warnings if isinstance(each, str)] if isinstance(warnings, list) else []


def _log_warning(warning: str) -> None:
    logger.warning("query: %s", warning)


def encode_json(value: object) -> bytes:
    """Return JSON for a request's body; raise ``ValueError`` for a number that JSON has not."""
    return json.dumps(value, allow_nan=False).encode()


def _read_problem(answer: httpx.Response) -> JSONObject:
    """Return the JSON object that an error is answered with, an empty one where there is none."""
    try:
        value: JSONValue = answer.json()
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}


def _get_message(problem: JSONObject, answer: httpx.Response) -> str:
    """Return an error's ``message``, or what HTTP calls the status."""
    message = problem.get("message")
    return message if isinstance(message, str) else f"HTTP {answer.status_code} {answer.reason_phrase}"
