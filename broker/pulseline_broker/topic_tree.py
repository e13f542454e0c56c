"""A tree of topic levels: which filters match a topic, and which topics a filter matches.

Both walks cost by the levels that fit, not by the number of entries. Pure, and without recursion: a topic may have
thousands of levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_MISSING: Final = object()


class _Node(Generic[T]):
    __slots__ = ("children", "value")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.value: T | object = _MISSING


class TopicTree(Generic[T]):
    """Values by topic or by topic filter."""

    __slots__ = ("_count", "_root")

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, path: str) -> T | None:
        """Return the value stored at exactly this topic or filter."""
        node = self._root
        for level in path.split("/"):
            child = node.children.get(level)
            if child is None:
                return None
            node = child
        return None if node.value is _MISSING else node.value  # type: ignore[return-value]  # the one other kind

    def set(self, path: str, value: T) -> None:
        """Store a value, in the place of an older one."""
        node = self._root
        for level in path.split("/"):
            node = node.children.setdefault(level, _Node())
        if node.value is _MISSING:
            self._count += 1
        node.value = value

    def remove(self, path: str) -> None:
        """Forget a value, and the levels that lead to nothing else; nothing happens if there is none."""
        steps: list[tuple[_Node[T], str]] = []
        node = self._root
        for level in path.split("/"):
            child = node.children.get(level)
            if child is None:
                return
            steps.append((node, level))
            node = child
        if node.value is not _MISSING:
            self._count -= 1
            node.value = _MISSING
        for parent, level in reversed(steps):
            child = parent.children[level]
            if child.children or child.value is not _MISSING:
                return
            del parent.children[level]

    def iter_filters_matching(self, topic: str) -> Iterator[T]:
        """Yield the values of all stored filters that match the topic (MQTT 3.1.1 section 4.7)."""
        nodes = [self._root]
        wildcards = not topic.startswith("$")  # section 4.7.2: '+' and '#' in front match no '$' topic
        for level in topic.split("/"):
            following: list[_Node[T]] = []
            for node in nodes:
                if wildcards:
                    yield from _values(node.children.get("#"))
                    _append(following, node.children.get("+"))
                _append(following, node.children.get(level))
            nodes = following
            wildcards = True
        for node in nodes:
            yield from _values(node)
            yield from _values(node.children.get("#"))  # section 4.7.1.2: 'a/#' matches 'a' itself

    def iter_topics_matching(self, topic_filter: str) -> Iterator[T]:
        """Yield the values of all stored topics that the filter matches, in no order."""
        nodes = [self._root]
        is_first = True
        for level in topic_filter.split("/"):
            if level == "#":
                yield from _iter_below(nodes, skip_dollar=is_first)
                return
            nodes = [child for node in nodes for child in _children(node, level, skip_dollar=is_first)]
            is_first = False
        for node in nodes:
            yield from _values(node)


def _append(nodes: list[_Node[T]], node: _Node[T] | None) -> None:
    if node is not None:
        nodes.append(node)


def _values(node: _Node[T] | None) -> Iterator[T]:
    if node is not None and node.value is not _MISSING:
        yield node.value  # type: ignore[misc]  # the one other kind was just excluded


def _children(node: _Node[T], level: str, *, skip_dollar: bool) -> Iterator[_Node[T]]:
    if level != "+":
        child = node.children.get(level)
        if child is not None:
            yield child
        return
    for name, child in node.children.items():
        if not (skip_dollar and name.startswith("$")):
            yield child


def _iter_below(nodes: list[_Node[T]], *, skip_dollar: bool) -> Iterator[T]:
    """Yield the values of the nodes and of all that lie below; at the root, not below ``$`` levels."""
    if skip_dollar:
        nodes = [child for node in nodes for child in _children(node, "+", skip_dollar=True)]
    stack = list(nodes)
    while stack:
        node = stack.pop()
        yield from _values(node)
        stack.extend(node.children.values())
