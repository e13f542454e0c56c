"""Access rights: the rules of the interface, filters as rights, and when a filter lies within another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_broker.access import (
    ANONYMOUS,
    Access,
    Rights,
    build_api_rights,
    build_watcher_rights,
    is_covered,
    is_retainable,
    is_valid_filter,
)
from pulseline_core.errors import InvalidTopic
from pulseline_core.topic import is_match
from tests.unit.broker.test_topic_tree import FILTERS, TOPICS, is_valid

ROOT = "pulseline/v1"


def build(rights: Rights, *, client_id: str = "box", username: str | None = "desk") -> Access:
    """Return the access of one client."""
    return Access(rights, root=ROOT, client_id=client_id, username=username)


RIGHTS = {
    "anonymous": ANONYMOUS,
    "watcher": build_watcher_rights(ROOT),
    "api": build_api_rights(ROOT),
    "all": Rights(publish=("#",), subscribe=("#",)),
    "admin": Rights(publish=("#",), subscribe=("#", "$SYS/#"), admin=True),
    "none": Rights(),
}


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        (f"{ROOT}/plug/heartbeat", "anonymous watcher api all admin"),
        (f"{ROOT}/plug/events", "anonymous watcher api all admin"),
        (f"{ROOT}/plug/meta", "anonymous watcher api all admin"),
        (f"{ROOT}/plug/availability", "anonymous watcher api all admin"),
        (f"{ROOT}/%5Fplug/heartbeat", "anonymous watcher api all admin"),
        (f"{ROOT}/plug/admin", "api admin"),
        (f"{ROOT}/_admin", "api admin"),
        (f"{ROOT}/plug/state", ""),
        (f"{ROOT}/_ack/box", ""),
        (f"{ROOT}/_ack", ""),
        (f"{ROOT}/_dead", ""),
        (f"{ROOT}/_status/main", ""),
        (f"{ROOT}/_future", ""),
        (f"{ROOT}/_plug/heartbeat", ""),
        ("$SYS/broker/version", ""),
        ("home/plug", "anonymous all admin"),
        (f"{ROOT}x/plug/state", "anonymous all admin"),
    ],
)
def test_who_may_publish(topic: str, allowed: str) -> None:
    """Ingest's own topics are closed to all, the administrator's to all without the right."""
    may = {name for name, rights in RIGHTS.items() if build(rights).may_publish(topic)}

    assert may == set(allowed.split())


@pytest.mark.parametrize(
    ("topic_filter", "allowed"),
    [
        ("#", "anonymous all admin"),
        (f"{ROOT}/#", "anonymous api all admin"),
        (f"{ROOT}/+/state", "anonymous watcher api all admin"),
        (f"{ROOT}/plug/state", "anonymous watcher api all admin"),
        (f"{ROOT}/plug/+", "anonymous api all admin"),
        ("$SYS/#", "anonymous api admin"),
        ("$SYS/broker/uptime", "anonymous api admin"),
        (f"{ROOT}/_ack/box", "anonymous watcher api all admin none"),
        (f"{ROOT}/_ack/other", "api admin"),
        (f"{ROOT}/_ack/+", "anonymous api all admin"),
        (f"{ROOT}/_ack/#", "anonymous api all admin"),
    ],
)
def test_who_may_subscribe(topic_filter: str, allowed: str) -> None:
    """A filter has to lie within the rights; everybody may read its own acknowledgements."""
    may = {name for name, rights in RIGHTS.items() if build(rights).may_subscribe(topic_filter)}

    assert may == set(allowed.split())


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        (f"{ROOT}/plug/state", "anonymous watcher api all admin"),
        (f"{ROOT}/plug/heartbeat", "anonymous api all admin"),
        (f"{ROOT}/_ack/box", "anonymous watcher api all admin none"),
        (f"{ROOT}/_ack/other", "api admin"),
        ("$SYS/broker/uptime", "anonymous api admin"),
    ],
)
def test_who_may_receive(topic: str, allowed: str) -> None:
    """Each message is judged again when it is delivered."""
    may = {name for name, rights in RIGHTS.items() if build(rights).may_receive(topic)}

    assert may == set(allowed.split())


def test_patterns_are_whole_levels() -> None:
    """``%u`` and ``%c`` stand for a level; inside one they are text."""
    access = build(Rights(publish=("a/%u/#", "b/%c", "c/x%u")))

    assert access.may_publish("a/desk/x")
    assert access.may_publish("b/box")
    assert access.may_publish("c/x%u")
    assert not access.may_publish("a/box/x")
    assert not access.may_publish("c/xdesk")


@pytest.mark.parametrize("client_id", ["#", "+", "a/b", "a/#", ""])
def test_client_id_brings_no_wildcard_into_a_right(client_id: str) -> None:
    """A right whose pattern would gain levels or wildcards falls away."""
    access = build(Rights(publish=("a/%c/heartbeat",), subscribe=("a/%c/#",)), client_id=client_id)

    assert not access.may_publish("a/other/heartbeat")
    assert not access.may_publish(f"a/{client_id}/heartbeat")
    assert not access.may_subscribe("a/other/x")


def test_client_id_with_wildcards_reads_no_other_acknowledgements() -> None:
    """The own acknowledgement is compared as a topic, never matched as a filter."""
    access = build(ANONYMOUS, client_id="+")

    assert not access.may_receive(f"{ROOT}/_ack/other")
    assert access.may_receive(f"{ROOT}/_ack/+")


def test_right_that_is_no_filter_can_not_exist() -> None:
    """Rights are checked when they are made."""
    with pytest.raises(InvalidTopic):
        Rights(publish=("a/#/b",))


@given(topic_filter=FILTERS.filter(is_valid), by=FILTERS.filter(is_valid), topics=st.sets(TOPICS, max_size=20))
def test_covered_filter_matches_nothing_more(topic_filter: str, by: str, topics: set[str]) -> None:
    """Whatever a covered filter matches, the covering one matches too."""
    matched = {topic for topic in topics if is_match(topic, topic_filter)}

    if is_covered(topic_filter, by=by):
        assert matched == {topic for topic in matched if is_match(topic, by)}


@given(topic_filter=FILTERS.filter(is_valid))
def test_filter_covers_itself(topic_filter: str) -> None:
    """A right to a filter is the right to subscribe to it."""
    assert is_covered(topic_filter, by=topic_filter)


@pytest.mark.parametrize(
    ("topic", "is_kept"),
    [
        (f"{ROOT}/plug/heartbeat", False),
        (f"{ROOT}/plug/events", False),
        (f"{ROOT}/plug/admin", False),
        (f"{ROOT}/_admin", False),
        (f"{ROOT}/plug/meta", True),
        (f"{ROOT}/plug/availability", True),
        ("home/plug/heartbeat", True),
    ],
)
def test_what_clients_may_leave_behind(topic: str, is_kept: bool) -> None:
    """Messages of one moment are not retained."""
    assert is_retainable(topic, root=ROOT) is is_kept


@pytest.mark.parametrize("topic_filter", ["$share/g/a", "a/#/b", "", "a" + "/a" * 128])
def test_filters_that_nobody_may_have(topic_filter: str) -> None:
    """Shared, invalid and endless filters are refused whatever the rights."""
    assert not is_valid_filter(topic_filter)
