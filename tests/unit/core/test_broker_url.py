"""URLs of external brokers."""

from __future__ import annotations

import pytest

from pulseline_core.broker_url import BrokerUrl, InvalidBrokerUrl, parse_broker_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mqtt://broker", BrokerUrl(host="broker", port=1883, username="", is_tls=False)),
        ("mqtts://broker/", BrokerUrl(host="broker", port=8883, username="", is_tls=True)),
        ("mqtt://me@broker:1900", BrokerUrl(host="broker", port=1900, username="me", is_tls=False)),
        ("mqtt://a%40b@[::1]:1900", BrokerUrl(host="::1", port=1900, username="a@b", is_tls=False)),
    ],
    ids=["least", "tls", "user and port", "encoded user, IPv6"],
)
def test_url_says_where_and_who(text: str, expected: BrokerUrl) -> None:
    """The registered ports are the defaults."""
    assert parse_broker_url(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("broker:1883", "is 'broker:1883', not of the form mqtt://user@host:port or mqtts://user@host:port"),
        ("tcp://broker", "is 'tcp://broker', not of the form"),
        ("mqtt://", "not of the form"),
        ("mqtt://broker/topic", "not of the form"),
        ("mqtt://broker?clean=1", "not of the form"),
        ("mqtt://broker:0", "port 0 is nobody's"),
        ("mqtt://broker:99999", "Port out of range"),
        ("mqtt://[::1", "Invalid IPv6 URL"),
        ("mqtt://me:secret@broker", "holds a password, which others can read there"),
    ],
)
def test_what_names_no_broker_is_refused(text: str, problem: str) -> None:
    """With what is wrong, and without showing a password."""
    with pytest.raises(InvalidBrokerUrl) as caught:
        parse_broker_url(text)

    assert problem in str(caught.value)
    assert "secret" not in str(caught.value)
