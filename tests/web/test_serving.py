"""The page of the web app and its files: addresses, headers, size."""

import gzip
import re

import pytest
from django.conf import settings
from django.test import Client

from config.web_app import PLACES
from tests.support.servers import ROOT

pytestmark = pytest.mark.django_db

DIST = ROOT / "web" / "dist"
APP = (ROOT / "web" / "src" / "app.tsx").read_text()


def test_each_address_of_the_app_has_its_page(client: Client) -> None:
    known = {pattern.split("/")[1] for pattern in re.findall(r'^  \["(/[^"]*)", "', APP, re.MULTILINE)}
    assert known - {""} <= set(PLACES)
    for path in ("/", *(f"/{place}" for place in PLACES), "/tasks/some-id"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer["Content-Type"].startswith("text/html")
        assert answer["Content-Security-Policy"].startswith("default-src 'self';")
        assert "unsafe" not in answer["Content-Security-Policy"]
    again = client.get("/", headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again["Cache-Control"]) == (304, "no-cache")
    assert client.post("/").status_code == 405


def test_unknown_addresses_stay_unknown(client: Client) -> None:
    unknown = client.get("/api/v1/nowhere", headers={"Accept": "text/html"})
    assert (unknown.status_code, unknown["Content-Type"]) == (404, "application/problem+json")
    for path in ("/nowhere", "/projectsx", "/static/web/assets/none.js"):
        assert client.get(path, headers={"Accept": "text/html"}).status_code == 404, path


def test_page_is_marked_only_where_calls_need_no_credential(client: Client, settings: object) -> None:
    marks = []
    for administrator in ("", "admin@example.com"):
        settings.DEV_AUTH_AS = administrator  # type: ignore[attr-defined]
        marks.append(b"data-open" in client.get("/").content)
    assert marks == [False, True]


def test_files_are_small_and_from_this_server() -> None:
    files = [path for path in DIST.rglob("*") if path.is_file()]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) <= 150 * 1024
    index = (DIST / "index.html").read_text()
    linked = re.findall(r'(?:src|href)="([^"]+)"', index)
    assert len(linked) >= 3
    for address in linked:
        assert re.search(settings.WHITENOISE_IMMUTABLE_FILE_TEST, address), address
        assert (DIST / "assets" / address.rpartition("/")[2]).is_file()
    styles = "".join(path.read_text() for path in files if path.suffix == ".css")
    assert not re.search(r"url\(|@import", styles)
