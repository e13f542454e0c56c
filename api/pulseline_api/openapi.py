"""The description of the whole interface in OpenAPI 3.1, made of the routes and of what their handlers say.

Made when it is asked for, so that it holds every route there is; requests of the interface do not come by here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

from flask import Flask
from werkzeug.routing import Rule

from pulseline_api.answer import JSON_TYPE
from pulseline_api.description import Content, Description, Parameter, find_description
from pulseline_api.key_check import PUBLIC_ENDPOINTS
from pulseline_api.schemas import COMPONENTS, ERROR, PATH_ARGUMENTS
from pulseline_core.errors import Misuse
from pulseline_core.types import JSONObject, JSONValue

_ABOUT: Final = """\
ActivityWatch's interface, version 0, and what Pulseline has beside it.
Paths with and without a slash at the end are the same.
Every error is `{"message": "..."}` with its status; it is 405 where a path has no such method.
"""

#: The argument in a rule, with or without a converter: ``<row:event_id>``.
_ARGUMENT: Final = re.compile(r"<(?:\w+:)?(\w+)>")

#: What Flask answers by itself.
_IMPLIED: Final = frozenset({"HEAD", "OPTIONS"})

#: Statuses that follow from what a route is; the order is that of the description.
_PROBLEMS: Final = {
    HTTPStatus.BAD_REQUEST: "the request does not fit, or its Host is not this server",
    HTTPStatus.UNAUTHORIZED: "the server has a key, and the request does not show it",
    HTTPStatus.FORBIDDEN: "pages of other origins may not ask",
    HTTPStatus.NOT_FOUND: "there is no such thing",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body, or one event in it, is too large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the content type is another",
    HTTPStatus.INTERNAL_SERVER_ERROR: "a bug; the log has the traceback",
    HTTPStatus.SERVICE_UNAVAILABLE: "not now; try again later",
    HTTPStatus.INSUFFICIENT_STORAGE: "the disk is full",
}


def build_document(app: Flask, *, base: str, version: str) -> JSONObject:
    """Return the description of every route below ``base``.

    Args:
        app: has all its routes.
        base: the path above them, as in ``/api/0``.
        version: Pulseline's.

    Raises:
        Misuse: a handler says nothing of itself.
    """
    paths: dict[str, JSONValue] = {}
    for rule, method, handler in _iter_routes(app, base):
        path = paths.setdefault(_ARGUMENT.sub(r"{\1}", rule.rule.removeprefix(base)), {})
        assert isinstance(path, dict)
        path[method.lower()] = _describe_operation(rule, method, handler)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Pulseline", "version": version, "description": _ABOUT},
        "servers": [{"url": base}],
        "paths": paths,
        "security": [{}, {"key": []}],
        "components": {
            "schemas": COMPONENTS,
            "responses": _describe_problems(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "If the server has a key."}},
        },
    }


def _iter_routes(app: Flask, base: str) -> Iterator[tuple[Rule, str, Callable[..., Any]]]:
    """Yield each rule below ``base`` with each of its methods and its handler, in the order of their paths."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(f"{base}/"):
            for method in sorted((rule.methods or set()) - _IMPLIED):
                yield rule, method, app.view_functions[rule.endpoint]


def _describe_operation(rule: Rule, method: str, handler: Callable[..., Any]) -> JSONObject:
    description = find_description(handler)
    if description is None:
        raise Misuse(f"{method} {rule.rule} has no @describe")
    summary, _, text = _read_docstring(handler).partition("\n\n")
    operation: JSONObject = {
        "operationId": rule.endpoint,
        "tags": [description.tag or rule.endpoint.partition(".")[0].replace("_", "-")],
        "summary": summary.removesuffix(".").replace("`", ""),
        "description": text,
        "parameters": [*_describe_path(rule), *map(_describe_parameter, description.query)],
        "requestBody": _describe_body(description.body),
        "responses": _describe_answers(rule, method, description),
    }
    stated: JSONObject = {name: value for name, value in operation.items() if value}
    return stated | {"security": []} if rule.endpoint in PUBLIC_ENDPOINTS else stated


def _read_docstring(handler: Callable[..., Any]) -> str:
    """Return it as Markdown, a line for each paragraph."""
    text = (inspect.getdoc(handler) or "").replace("``", "`")
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text)


def _describe_path(rule: Rule) -> list[JSONValue]:
    names = _ARGUMENT.findall(rule.rule)
    return [{"name": name, "in": "path", "required": True, "schema": PATH_ARGUMENTS[name]} for name in names]


def _describe_parameter(parameter: Parameter) -> JSONValue:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.is_required,
        "description": parameter.text,
        "schema": parameter.schema,
    }


def _describe_body(body: JSONObject | Content | None) -> JSONValue:
    return None if body is None else {"required": True, "content": _describe_content(body)}


def _describe_content(content: JSONObject | Content) -> JSONObject:
    schemas = content.schemas if isinstance(content, Content) else {JSON_TYPE: content}
    return {media_type: {"schema": schema} for media_type, schema in schemas.items()}


def _describe_answers(rule: Rule, method: str, description: Description) -> JSONObject:
    answers: JSONObject = {}
    if description.answers is not None:
        answers["200"] = {"description": "done", "content": _describe_content(description.answers)}
    for status in _iter_problems(rule, method, description):
        answers[str(status.value)] = {"$ref": f"#/components/responses/{status.name}"}
    for status, text in description.also.items():
        content = {"content": _describe_content(ERROR)} if status >= HTTPStatus.BAD_REQUEST else {}
        answers[str(status.value)] = {"description": text, **content}
    return dict(sorted(answers.items()))


def _iter_problems(rule: Rule, method: str, description: Description) -> Iterator[HTTPStatus]:
    """Yield the statuses of errors that a route like this may answer."""
    yield HTTPStatus.BAD_REQUEST
    yield HTTPStatus.FORBIDDEN
    if rule.endpoint not in PUBLIC_ENDPOINTS:
        yield HTTPStatus.UNAUTHORIZED
    if method != "GET":
        yield HTTPStatus.INSUFFICIENT_STORAGE
    if rule.arguments - {"key"}:
        yield HTTPStatus.NOT_FOUND
    if description.body is not None:
        yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    yield HTTPStatus.INTERNAL_SERVER_ERROR
    yield HTTPStatus.SERVICE_UNAVAILABLE


def _describe_problems() -> JSONObject:
    content = _describe_content(ERROR)
    return {status.name: {"description": text, "content": content} for status, text in _PROBLEMS.items()}
