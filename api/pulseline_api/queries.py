"""``POST /api/0/query``: a program over buckets, run for one or more periods of time."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Final

from flask import Blueprint, Response, request

from pulseline_api.answer import answer, answer_chunks
from pulseline_api.client_watch import watch_client
from pulseline_api.description import Parameter, describe
from pulseline_api.problems import get_status
from pulseline_api.query_request import parse_texts
from pulseline_api.request_body import read_object
from pulseline_api.schemas import QUERY, RESULTS, TEXT
from pulseline_api.server_api import ServerAPI
from pulseline_core.query.errors import QueryError

#: Names what of a query was passed over, as a JSON array of texts in ASCII.
WARNINGS_HEADER: Final = "Pulseline-Warnings"

#: Bytes of that header; clients and proxies refuse answers with headers of more than 8 KiB.
_MAX_WARNINGS_BYTES: Final = 4096
_MAX_WARNINGS: Final = 64

_NAME: Final = Parameter(name="name", schema=TEXT, text="the value of NAME in the query")
_CACHE: Final = Parameter(name="cache", schema=TEXT, text="means nothing, as in ActivityWatch")


def build_query_routes(api: ServerAPI) -> Blueprint:
    """Return the route of the queries."""
    routes = Blueprint("query", __name__)
    routes.register_error_handler(QueryError, _answer_error)

    @routes.post("/query")
    @describe(query=[_NAME, _CACHE], body=QUERY, answers=RESULTS)
    def run_query() -> Response:
        """Answer an array with the query's result for each period.

        A query that is wrong, or takes more time or memory than one may, is 400, with ActivityWatch's name of the
        error as ``type``. What was passed over, as a pattern of a category that can not be read, is named in the header
        ``Pulseline-Warnings``, a JSON array of texts; behind that stands what the query printed, as ``print: ...``.
        """
        body = read_object()
        query, periods = parse_texts(body, "query"), parse_texts(body, "timeperiods")
        name = request.args.get("name", "")
        with closing(api.query2(name, query, periods, client=watch_client())) as result:
            response = answer_chunks(result)
        if result.warnings:
            response.headers[WARNINGS_HEADER] = _write_warnings(result.warnings)
        return response

    return routes


def _answer_error(error: QueryError) -> Response:
    return answer({"type": error.kind, "message": str(error)}, get_status(error))


def _write_warnings(warnings: tuple[str, ...]) -> str:
    """Return as many as fit, and how many more there are."""
    for count in range(min(len(warnings), _MAX_WARNINGS), 0, -1):
        more = [f"and {len(warnings) - count} more"] if count < len(warnings) else []
        text = json.dumps([*warnings[:count], *more])
        if len(text) <= _MAX_WARNINGS_BYTES:
            return text
    return json.dumps([f"{len(warnings)} warnings that are too long for a header"])
