"""URLs of brokers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulseline_client.doctor.target import InvalidBrokerUrl, Target, TlsFiles, parse_target
from pulseline_core.errors import NotPermitted


def parse(url: str, files: TlsFiles = TlsFiles()) -> Target:  # noqa: B008  frozen
    """Read a URL; the settings name a user."""
    return parse_target(url, username="settings", password="kept", files=files)


@pytest.mark.parametrize(
    ("url", "shown", "login"),
    [
        ("mqtt://nas", "mqtt://nas:1883", ("settings", "kept")),
        ("mqtt://ann@nas:1900/", "mqtt://nas:1900", ("ann", "")),
        ("mqtt://ann:p%40ss@[::1]", "mqtt://[::1]:1883", ("ann", "p@ss")),
        ("mqtts://nas", "mqtts://nas:8883", ("settings", "kept")),
    ],
)
def test_url_says_where_and_who(url: str, shown: str, login: tuple[str, str]) -> None:
    """Without a user it is the one of the settings; it is never shown."""
    target = parse(url)

    assert str(target) == shown
    assert (target.username, target.password) == login
    assert "kept" not in repr(target)
    assert (target.tls is not None) == url.startswith("mqtts")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nas:1883", "does not begin with 'mqtt://' or 'mqtts://' and a host"),
        ("http://nas", "does not begin with 'mqtt://' or 'mqtts://' and a host"),
        ("mqtt://", "does not begin with 'mqtt://' or 'mqtts://' and a host"),
        ("mqtt://nas/topic", "has something behind host and port"),
        ("mqtt://ann:secret@nas:port", "is no URL: Port could not be cast"),
    ],
)
def test_other_urls_are_refused(url: str, problem: str) -> None:
    """What is wrong, without the password."""
    with pytest.raises(InvalidBrokerUrl, match=problem) as caught:
        parse(url)

    assert "secret" not in str(caught.value)


def test_files_without_tls_are_refused() -> None:
    """Whoever names a certificate believes to be encrypted."""
    with pytest.raises(InvalidBrokerUrl, match="is without TLS"):
        parse("mqtt://nas", TlsFiles(ca_file=Path("ca.pem")))


@pytest.mark.parametrize("name", ["ca_file", "cert_file"])
def test_file_that_is_missing_is_named(name: str, tmp_path: Path) -> None:
    """With the way out."""
    with pytest.raises(NotPermitted, match=r"no access to '.*/none\.pem'"):
        parse("mqtts://nas", TlsFiles(**{name: tmp_path / "none.pem"}))
