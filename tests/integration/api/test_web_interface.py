"""A built web interface and custom visualisations, served from a folder."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote_to_bytes

import httpx
import pytest
from flask.testing import FlaskClient

from pulseline_api import create_app
from pulseline_api.app import AppOptions
from pulseline_api.http_server import HttpServer
from pulseline_api.static_folder import StaticFolder
from pulseline_core.errors import InvalidSetting
from pulseline_core.settings import Secret
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

INDEX = """<!doctype html><title>Interface</title><link rel="stylesheet" href="/css/app.1f2e.css">
<script defer src="/js/app.1f2e.js"></script><div id="app"></div>"""


@pytest.fixture(name="build")
def _build(tmp_path: Path) -> Path:
    """Return a folder as a build of aw-webui leaves it, with a few things that must not be served."""
    folder = tmp_path / "dist"
    files = {
        "index.html": INDEX,
        "css/app.1f2e.css": "body { color: green }",
        "js/app.1f2e.js": "fetch('/api/0/info')",
        "img/icons/a b.svg": "<svg/>",
        "fonts/icons.woff2": "font",
        "static/logo.png": "png",
        "favicon.ico": "ico",
        "manifest.json": "{}",
        "apiary.html": "not the API",
        ".git/config": "hidden",
        ".env": "hidden",
        "css/.hidden": "hidden",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "dist-other").mkdir()
    (tmp_path / "dist-other/secret.txt").write_text("secret")
    return folder


@pytest.fixture(name="page")
def _page(tmp_path: Path) -> Path:
    """Return the folder of a visualisation."""
    folder = tmp_path / "clock"
    (folder / "sub").mkdir(parents=True)
    (folder / "index.html").write_text("<script src='clock.js'></script>")
    (folder / "clock.js").write_text("tick()")
    (folder / "sub/index.html").write_text("sub")
    return folder


def open_app(**options: object) -> FlaskClient:
    """Return a client of an application in front of an empty store."""
    store = MemoryStore()
    app = create_app(MemoryReader(store), RecordingWriter(store), INFO, AppOptions(**options))  # type: ignore[arg-type]
    return app.test_client()


def build_environ(path: str) -> dict[str, str]:
    """Return what a server makes of a path; a client would tidy it up."""
    return {"PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "REQUEST_URI": path}


@pytest.mark.parametrize(
    ("path", "content_type", "content"),
    [
        ("/", "text/html; charset=utf-8", INDEX),
        ("/index.html", "text/html; charset=utf-8", INDEX),
        ("/css/app.1f2e.css", "text/css; charset=utf-8", "body { color: green }"),
        ("/js/app.1f2e.js", "text/javascript; charset=utf-8", "fetch('/api/0/info')"),
        ("/img/icons/a%20b.svg", "image/svg+xml; charset=utf-8", "<svg/>"),
        ("/fonts/icons.woff2", "font/woff2", "font"),
        ("/static/logo.png", "image/png", "png"),
        ("/manifest.json", "application/json", "{}"),
        ("/apiary.html", "text/html; charset=utf-8", "not the API"),
    ],
)
def test_files_of_the_build_are_served(build: Path, path: str, content_type: str, content: str) -> None:
    """Whatever lies there, with its own type, in a browser's cache only as long as it is the same."""
    with closing(open_app(webui=build).get(path)) as answer:
        assert answer.status_code == 200
        assert answer.text == content
        assert answer.content_type == content_type
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/css",
        "/css/",
        "/index.html/",
        "/.env",
        "/.git/config",
        "/css/.hidden",
        "/css/../.env",
        "/css/../../secret.txt",
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fdist-other%2fsecret.txt",
        "/css%2fapp.1f2e.css",
        "/css/..%5c..%5csecret.txt",
        "/index.html%00.css",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/css//app.1f2e.css",
        "/" + "x" * 300,
        "/%ff",
        "/api/0/nothing",
        "//api/0/nothing",
    ],
)
def test_anything_else_is_a_json_404(build: Path, path: str) -> None:
    """No other folder, no hidden file, no other spelling; below ``/api`` are no files."""
    answer = open_app(webui=build).get(environ_overrides=build_environ(path))

    assert answer.status_code == 404
    assert answer.get_json()["message"].startswith("no path ")


def test_link_out_of_the_folder_is_not_followed(build: Path, tmp_path: Path) -> None:
    """One within it is; a circle and a dead one are no files."""
    (build / "out.txt").symlink_to(tmp_path / "secret.txt")
    (build / "out").symlink_to(tmp_path)
    (build / "in.css").symlink_to("css/app.1f2e.css")
    (build / "circle").symlink_to("circle")
    (build / "dead").symlink_to("nothing")
    http = open_app(webui=build)

    for name in ("out.txt", "out/secret.txt", "circle", "dead"):
        assert http.get(f"/{name}").status_code == 404, name
    with closing(http.get("/in.css")) as answer:
        assert answer.status_code == 200


def test_folder_itself_may_be_a_link(build: Path, tmp_path: Path) -> None:
    """As ``current`` beside the releases is."""
    (tmp_path / "current").symlink_to(build)

    with closing(open_app(webui=tmp_path / "current").get("/css/app.1f2e.css")) as answer:
        assert answer.status_code == 200


def test_browser_that_has_the_file_is_told_so(build: Path) -> None:
    """By ETag and by time; a new build shows at once."""
    http = open_app(webui=build)
    with closing(http.get("/js/app.1f2e.js")) as answer:
        tag, modified = answer.headers["ETag"], answer.headers["Last-Modified"]

    with closing(http.get("/js/app.1f2e.js", headers={"If-None-Match": tag})) as answer:
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["Cache-Control"] == "no-cache"
    with closing(http.get("/js/app.1f2e.js", headers={"If-Modified-Since": modified})) as answer:
        assert answer.status_code == 304
    (build / "js/app.1f2e.js").write_text("something else")
    with closing(http.get("/js/app.1f2e.js", headers={"If-None-Match": tag})) as answer:
        assert (answer.status_code, answer.text) == (200, "something else")


def test_file_that_can_not_be_read_is_404(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gone between the look and the opening, or somebody else's."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr("pulseline_api.static_folder.send_file", refuse)

    assert open_app(webui=build).get("/").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_files_can_only_be_read(build: Path, method: str) -> None:
    """Whether they are there or not."""
    for path in ("/", "/index.html", "/nothing"):
        assert open_app(webui=build).open(path, method=method).status_code == 405


def test_api_is_as_without_a_web_interface(build: Path) -> None:
    """Its routes come first, and its paths are still listed."""
    http = open_app(webui=build)

    assert http.get("/api/0/info").json == INFO.to_json()
    assert http.get("/api/0/").get_json()["version"] == "0.1.0"
    assert http.post("/api/0/info").status_code == 405


@pytest.mark.parametrize("path", ["/", "/js/app.1f2e.js", "/pages/", "/pages/clock/", "/pages/clock/clock.js"])
def test_pages_need_no_key(build: Path, page: Path, path: str) -> None:
    """They hold no data; the data that they ask for needs it."""
    http = open_app(webui=build, pages={"clock": page}, key=Secret("s3cret"))

    with closing(http.get(path)) as answer:
        assert answer.status_code == 200
    assert http.get("/api/0/buckets").status_code == 401
    assert http.get("/nothing").status_code == 404
    assert http.get("/api/0/nothing").status_code == 401


def test_foreign_page_gets_no_files(build: Path) -> None:
    """Neither by a name of its own nor as an image of its own."""
    http = open_app(webui=build)

    assert http.get("/", headers={"Host": "evil.example"}).status_code == 400
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert http.get("/static/logo.png", headers=embedded).status_code == 403


@pytest.mark.parametrize("is_there", [True, False], ids=["empty", "missing"])
def test_folder_without_a_page_is_a_wrong_setting(tmp_path: Path, is_there: bool) -> None:
    """Told at the start, with the folder."""
    folder = tmp_path / "dist"
    if is_there:
        folder.mkdir()

    for options, name in (({"webui": folder}, "api.webui"), ({"pages": {"clock": folder}}, "api.pages")):
        with pytest.raises(InvalidSetting, match=r"without an index\.html") as caught:
            open_app(**options)
        assert caught.value.name == name
        assert str(folder) in str(caught.value)


def test_folder_that_is_closed_is_a_wrong_setting(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback for a wrong mode."""

    def refuse(_: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "is_file", refuse)

    with pytest.raises(InvalidSetting):
        StaticFolder(build, policy="").check("api.webui")


def test_names_of_visualisations_are_listed(page: Path) -> None:
    """As an array; without any it is empty."""
    assert open_app(pages={"zebra": page, "clock": page}).get("/pages/").json == ["clock", "zebra"]
    assert open_app().get("/pages").json == []


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/pages/clock/", "<script src='clock.js'></script>"),
        ("/pages/clock/?hostname=desk&start=1&end=2&title=x", "<script src='clock.js'></script>"),
        ("/pages/clock/clock.js", "tick()"),
        ("/pages/clock/sub/", "sub"),
    ],
)
def test_visualisation_is_served(build: Path, page: Path, path: str, content: str) -> None:
    """With and without a web interface around it; only that may show it in a frame."""
    for webui in (build, None):
        with closing(open_app(webui=webui, pages={"clock": page}).get(path)) as answer:
            assert (answer.status_code, answer.text) == (200, content)
            assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("query", "location"), [("", "/pages/clock/"), ("?a=%2F&b", "/pages/clock/?a=%2F&b")])
def test_visualisation_without_its_slash_is_redirected(page: Path, query: str, location: str) -> None:
    """Its links would lead elsewhere otherwise."""
    answer = open_app(pages={"clock": page}).get(f"/pages/clock{query}")

    assert (answer.status_code, answer.headers["Location"]) == (308, location)


@pytest.mark.parametrize(
    "path",
    [
        "/pages/other",
        "/pages/other/",
        "/pages/other/x",
        "/pages/clock/nothing",
        "/pages/clock/sub",
        "/pages/clock/../../secret.txt",
        "/pages/clock/%2e%2e/secret.txt",
        "/pages/clock%2f..%2fsecret.txt",
        "/pages/%2e%2e/",
        "/pages//evil.example/",
    ],
)
def test_unknown_visualisation_or_file_is_404(page: Path, path: str) -> None:
    """JSON, as everywhere."""
    answer = open_app(pages={"clock": page}).get(environ_overrides=build_environ(path))

    assert answer.status_code == 404
    assert isinstance(answer.get_json()["message"], str)


def test_files_pass_through_the_real_server(build: Path) -> None:
    """Whole, with HEAD and conditions, and no raw path leads out."""
    big = build / "js/chunk-vendors.js"
    big.write_bytes(os.urandom(3_000_000))
    store = MemoryStore()
    app = create_app(MemoryReader(store), RecordingWriter(store), INFO, AppOptions(webui=build))
    with HttpServer(app, "127.0.0.1", 0, threads=2) as server, httpx.Client(trust_env=False) as http:
        url = f"http://127.0.0.1:{server.port}"

        answer = http.get(f"{url}/js/chunk-vendors.js")
        head = http.head(f"{url}/js/chunk-vendors.js")
        again = http.get(f"{url}/js/chunk-vendors.js", headers={"If-None-Match": answer.headers["ETag"]})
        statuses = [
            http.get(httpx.URL(url, raw_path=path)).status_code
            for path in (b"/css/../../secret.txt", b"/%2e%2e/secret.txt", b"/..%2fsecret.txt", b"//../secret.txt")
        ]

    assert answer.content == big.read_bytes()
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "3000000", b"")
    assert again.status_code == 304
    assert statuses == [404] * 4
