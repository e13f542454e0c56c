"""What a handler says of itself beyond its docstring: ``@describe`` stands beside it and costs its requests nothing.

``openapi`` makes the description of the whole interface of these; it finds the rest itself: path, method and path
parameters in the route, the summary in the docstring, and the errors that follow from all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeVar

from pulseline_core.types import JSONObject

_Handler = TypeVar("_Handler", bound=Callable[..., Any])

#: The attribute of a handler.
_NAME: Final = "openapi_description"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of the query.

    Attributes:
        name: as in ``?name=``.
        schema: what its value may be.
        text: what it does.
        is_required: whether a request without it is refused.
    """

    name: str
    schema: JSONObject
    text: str
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """A body that is not, or not only, JSON: a schema for each media type."""

    schemas: Mapping[str, JSONObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is said of a handler; see ``describe``."""

    answers: JSONObject | Content | None
    body: JSONObject | Content | None = None
    query: Sequence[Parameter] = ()
    also: Mapping[HTTPStatus, str] = field(default_factory=dict[HTTPStatus, str])
    tag: str = ""


def describe(
    *,
    answers: JSONObject | Content | None,
    body: JSONObject | Content | None = None,
    query: Sequence[Parameter] = (),
    also: Mapping[HTTPStatus, str] | None = None,
    tag: str = "",
) -> Callable[[_Handler], _Handler]:
    """Return a decorator that notes what a handler takes and answers, and leaves it as it is.

    Args:
        answers: the schema of the JSON that comes with 200, or its ``Content``; ``None`` if it answers errors alone.
        body: the schema of the JSON that it needs, or its ``Content``; ``None`` if a body is ignored.
        query: the parameters that it reads.
        also: statuses of its own, other than 200 and what any route like it may answer, with what they mean;
            those from 400 on are errors in JSON, the others have no body.
        tag: the heading it stands under; that of its blueprint, if not given.
    """
    description = Description(answers=answers, body=body, query=query, also=also or {}, tag=tag)

    def note(handler: _Handler) -> _Handler:
        vars(handler)[_NAME] = description
        return handler

    return note


def find_description(handler: Callable[..., Any]) -> Description | None:
    """Return what was noted of a handler, ``None`` if nothing."""
    description: Description | None = getattr(handler, _NAME, None)
    return description
