"""What of all messages is a worker's, and how its topics look."""

from __future__ import annotations

import pytest

from pulseline_core.partition import Partition, find_partition
from pulseline_core.topic import encode_level
from pulseline_ingest.share import Share
from tests.unit.ingest.samples import ROOT

EVERYTHING = Share(root=ROOT, worker="main")
KINDS = tuple(f"{ROOT}/+/{kind}" for kind in ("heartbeat", "events", "meta", "admin"))


def build(number: int, *, is_dealt: bool = False) -> Share:
    """Return one share of eight."""
    return Share(root=ROOT, worker="main", partition=Partition(number, 8), is_dealt=is_dealt)


@pytest.mark.parametrize(
    ("share", "name", "topic_filters"),
    [
        (EVERYTHING, "main", (*KINDS, f"{ROOT}/_admin", f"{ROOT}/_probe/main")),
        (build(0), "main-0", (*KINDS, f"{ROOT}/_admin", f"{ROOT}/_probe/main-0")),
        (build(3), "main-3", (*KINDS, f"{ROOT}/_probe/main-3")),
        (build(0, is_dealt=True), "main-0", (f"{ROOT}/_partition/8/0/+/+", f"{ROOT}/_admin")),
        (build(3, is_dealt=True), "main-3", (f"{ROOT}/_partition/8/3/+/+",)),
    ],
    ids=["everything", "first", "another", "first, dealt", "another, dealt"],
)
def test_share_says_what_to_subscribe_to(share: Share, name: str, topic_filters: tuple[str, ...]) -> None:
    """What concerns no bucket is the first partition's."""
    assert (share.name, share.topic_filters) == (name, topic_filters)


@pytest.mark.parametrize("bucket_id", ["desk", "a.b", "ä b", "100%"])
def test_bucket_belongs_to_one_share_however_it_is_written(bucket_id: str) -> None:
    """With percent codes, or as it is."""
    number = find_partition(encode_level(bucket_id), 8)
    for share in (build(each) for each in range(8)):
        is_own = share.partition == Partition(number, 8)
        assert share.has_bucket(bucket_id) is is_own
        assert share.has_topic(f"{ROOT}/{encode_level(bucket_id)}/heartbeat") is is_own
        assert share.has_topic(f"{ROOT}/{bucket_id}/events") is is_own


def test_bucket_that_can_not_be_read_belongs_to_one_share() -> None:
    """Where it becomes one dead letter."""
    assert sum(build(number).has_topic(f"{ROOT}/%FF/heartbeat") for number in range(8)) == 1


@pytest.mark.parametrize("topic", ["_admin", "_probe/main-3"])
def test_what_concerns_no_bucket_is_taken_by_who_hears_it(topic: str) -> None:
    """The filters say who that is."""
    assert build(3).has_topic(f"{ROOT}/{topic}")


def test_topic_is_restored_where_the_broker_put_the_partition_in() -> None:
    """Nothing else is changed."""
    dealt = build(3, is_dealt=True)

    assert dealt.restore(f"{ROOT}/_partition/8/3/desk/heartbeat") == f"{ROOT}/desk/heartbeat"
    assert dealt.restore(f"{ROOT}/_partition/4/3/desk/heartbeat") == f"{ROOT}/desk/heartbeat"
    assert dealt.restore(f"{ROOT}/_admin") == f"{ROOT}/_admin"
    assert dealt.has_topic(f"{ROOT}/desk/heartbeat")
    assert build(3).restore(f"{ROOT}/_partition/8/3/desk/heartbeat") == f"{ROOT}/_partition/8/3/desk/heartbeat"


@pytest.mark.parametrize("number", range(8))
def test_probe_goes_through_the_partition_where_the_broker_deals_out(number: int) -> None:
    """As a bucket's message would, so it comes back only if broker and worker agree."""
    share = build(number, is_dealt=True)
    level = share.probe_topic.removeprefix(f"{ROOT}/").removesuffix("/heartbeat")

    assert find_partition(level, 8) == number
    heard = share.restore(f"{ROOT}/_partition/8/{number}/{level}/heartbeat")
    assert heard == share.heard_probe_topic == f"{ROOT}/_probe/main-{number}"
