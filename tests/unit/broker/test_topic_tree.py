"""The tree of topics agrees with the rule for one topic and one filter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pulseline_broker.topic_tree import TopicTree
from pulseline_core.errors import InvalidTopic
from pulseline_core.topic import check_topic_filter, is_match

LEVELS = st.sampled_from(["a", "b", "", "$SYS", "c"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
FILTERS = st.lists(LEVELS | st.sampled_from(["+", "#"]), min_size=1, max_size=4).map("/".join)


def is_valid(topic_filter: str) -> bool:
    """Return whether it is a filter."""
    try:
        check_topic_filter(topic_filter)
    except InvalidTopic:
        return False
    return True


def build(paths: set[str]) -> TopicTree[str]:
    """Return a tree of paths with themselves as values."""
    tree: TopicTree[str] = TopicTree()
    for path in paths:
        tree.set(path, path)
    return tree


@given(filters=st.sets(FILTERS.filter(is_valid), max_size=12), topic=TOPICS)
def test_filters_matching_a_topic(filters: set[str], topic: str) -> None:
    """The stored filters found for a topic are those that match it, each once."""
    found = list(build(filters).iter_filters_matching(topic))

    assert sorted(found) == sorted(each for each in filters if is_match(topic, each))


@given(topics=st.sets(TOPICS, max_size=12), topic_filter=FILTERS.filter(is_valid))
def test_topics_matching_a_filter(topics: set[str], topic_filter: str) -> None:
    """The stored topics found for a filter are those that it matches, each once."""
    found = list(build(topics).iter_topics_matching(topic_filter))

    assert sorted(found) == sorted(each for each in topics if is_match(each, topic_filter))


@given(kept=st.sets(TOPICS, max_size=8), removed=st.sets(TOPICS, max_size=8))
def test_removed_paths_leave_nothing(kept: set[str], removed: set[str]) -> None:
    """After a removal the tree is what it would be without: no value, no count, no level."""
    tree = build(kept | removed)

    for path in removed:
        tree.remove(path)
        tree.remove(path)

    rest = kept - removed
    assert len(tree) == len(rest)
    assert {path for path in kept | removed if tree.get(path) is not None} == rest
    if not rest:
        assert tree._root.children == {}


def test_deep_topic_needs_no_deep_stack() -> None:
    """A topic of thirty thousand levels is stored, found and removed."""
    deep = "/" * 30_000
    tree = build({deep})

    assert list(tree.iter_filters_matching(deep)) == [deep]
    assert list(tree.iter_topics_matching("#")) == [deep]
    tree.remove(deep)
    assert len(tree) == 0
