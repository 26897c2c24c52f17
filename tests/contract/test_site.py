"""The documentation as a site: complete, without broken links, and without files of other servers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from scripts.draw_diagrams import diagrams, metadata
from scripts.site.asyncapi import asyncapi
from scripts.site.build import SITE, build, is_current
from scripts.site.links import broken_links
from scripts.site.pages import navigation, pages_of
from scripts.site.reference import reference_pages
from scripts.site.scripts_of_pages import move_scripts_to_files
from tests.support.axe import SCREENS, SCRIPT, show, violations
from tests.support.chromium import Page, chromium
from tests.support.servers import ROOT, Servers, database_url, running

pytestmark = pytest.mark.django_db

#: A page of each kind.
READ = (
    "", "integrate/errors/", "reference/taskservice.TaskService/CreateTask/", "glossary/", "extend/architecture/",
    "decisions/0036-documentation-by-zensical/",
)  # fmt: skip
#: Colour scheme of the reader → its name in the theme.
THEMES = {"light": "default", "dark": "slate"}


@pytest.fixture(scope="module")
def site() -> Path:
    if not is_current():
        build(SITE)
    return SITE


@pytest.fixture(scope="module")
def servers(site: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[Servers]:
    with django_db_blocker.unblock(), running(DATABASE_URL=database_url()) as servers:
        yield servers


@pytest.fixture
def browser() -> Iterator[Page]:
    with chromium() as page:
        yield page


def test_pages_are_served_with_a_strict_policy(site: Path, client: Client) -> None:
    answer = client.get("/docs/integrate/rest/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer["Content-Security-Policy"].startswith("default-src 'self';")
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert client.get("/docs/integrate/rest/", headers={"If-None-Match": answer["ETag"]}).status_code == 304
    (script,) = [path.name for path in (site / "assets/javascripts").glob("bundle.*.js")]
    assert "immutable" in client.get(f"/docs/assets/javascripts/{script}")["Cache-Control"]
    assert client.get("/docs/assets")["Location"] == "/docs/assets/"
    assert client.get("/docs")["Location"] == "/docs/"
    assert client.post("/docs/").status_code == 405


def test_addresses_in_pages_are_those_of_the_server(site: Path, client: Client, settings: Any) -> None:
    settings.GRPC_PORT, settings.ALLOWED_HOSTS = 50123, ["tandem.example.com"]
    shown = client.get("/docs/integrate/grpc/", headers={"Host": "tandem.example.com:8443"}, secure=True).content
    assert b"localhost:50123" in shown
    assert b"localhost:50051" not in shown
    shown = client.get("/docs/overview/", headers={"Host": "tandem.example.com:8443"}, secure=True).content
    assert b'href="https://tandem.example.com:8443/admin/"' in shown
    assert b"localhost:8000" not in shown


def test_code_of_comments_is_escaped_once(site: Path) -> None:
    pages = {path: path.read_text() for path in (site / "reference").rglob("*.html")}
    assert "meetings/&lt;id" in pages[site / "reference/taskservice.TaskService/CreateTask/index.html"]
    assert [path for path, text in pages.items() if "&amp;lt;" in text] == []


def test_no_other_files_are_served(site: Path, client: Client) -> None:
    for path in ("/docs/moon/", "/docs/../manage.py", "/docs/%2e%2e/manage.py", "/docs//etc/passwd"):
        assert client.get(path, headers={"Accept": "text/html"}).status_code == 404, path


def test_server_without_the_site_explains_it(tmp_path: Path, client: Client, settings: object) -> None:
    settings.BASE_DIR = tmp_path  # type: ignore[attr-defined]
    answer = client.get("/docs/")
    assert (answer.status_code, b"python -m scripts.site" in answer.content) == (404, True)


def test_every_page_is_in_the_navigation() -> None:
    pages = pages_of(ROOT) + reference_pages(ROOT)

    def places(entry: object) -> list[str]:
        if isinstance(entry, dict):
            return [place for inner in entry.values() for one in inner for place in places(one)]
        return [str(entry)]

    listed = [place for entry in navigation(ROOT, pages) for place in places(entry)]
    assert sorted(listed) == sorted(page.path for page in pages)


def test_drawings_are_those_of_their_sources() -> None:
    sources = diagrams()
    assert sources
    outdated = [path.name for path in sources if metadata(path.read_text()) not in path.with_suffix(".svg").read_text()]
    assert outdated == [], "run python -m scripts.draw_diagrams"
    assert [page.path for page in pages_of(ROOT) if "```mermaid" in page.text] == []


def test_planted_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/index.html").write_text('<h1 id="moon"></h1>')
    (tmp_path / "index.html").write_text(
        '<a href="a/#moon"></a><a href="a/#sun"></a><a href="b/"></a><a href="https://example.com"></a>'
        '<script src="https://example.com/a.js"></script><p style="color: red">'
    )
    assert [line.removeprefix("index.html: ") for line in broken_links(tmp_path)] == [
        "a/#sun has no such anchor",
        "an attribute that the Content-Security-Policy refuses",
        "b/ does not exist",
        "https://example.com/a.js is loaded from another server",
    ]


def test_scripts_within_pages_become_files(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    page = tmp_path / "index.html"
    page.write_text("<p>\n\n\n<script>alert(1)</script>\n<pre>a\n\n\nb</pre>")
    move_scripts_to_files(tmp_path)
    (script,) = (tmp_path / "assets").iterdir()
    assert page.read_text() == f'<p>\n<script src="assets/{script.name}"></script>\n<pre>a\n\n\nb</pre>'
    assert script.read_text() == "alert(1)"


@pytest.mark.tools(str(ROOT / "node_modules/@asyncapi/specs/schemas/3.0.0.json"))
def test_document_of_the_feeds_is_valid() -> None:
    from jsonschema import Draft7Validator

    document = asyncapi(json.loads((ROOT / "docs/openapi.json").read_text()))
    schema = json.loads((ROOT / "node_modules/@asyncapi/specs/schemas/3.0.0.json").read_text())
    assert [error.message for error in Draft7Validator(schema).iter_errors(document)] == []
    broken = document | {"channels": {"changes": {"address": 1}}}
    assert not Draft7Validator(schema).is_valid(broken)
    assert {"ChangeService_WatchChanges", "TaskService_WatchTasks"} <= set(document["operations"])
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert referred <= set(document["components"]["schemas"])


@pytest.mark.real_server
@pytest.mark.tools("chromium")
def test_search_works_in_the_browser(servers: Servers, browser: Page) -> None:
    browser.size(1280, 844)
    browser.open(f"{servers.http_url}/docs/")
    browser.until("!!document.querySelector('.md-search__button')")
    browser.value("document.querySelector('.md-search__button').click()")
    root = "[...document.body.children].map(e => e.shadowRoot).find(Boolean)"
    browser.until(f"!!{root}?.querySelector('input')")
    for character in "idempotency":
        browser.press_text(character)
    browser.until(f"{root}.textContent.includes('Idempotency keys')")
    # The style sheet of the dialog was not refused.
    assert browser.value(f"getComputedStyle({root}.querySelector('input')).borderTopStyle") == "none"
    assert browser.errors == []


@pytest.mark.real_server
@pytest.mark.tools("chromium", str(SCRIPT))
def test_pages_can_be_read_on_a_desk_and_on_a_telephone_in_both_themes(servers: Servers, browser: Page) -> None:
    found = [
        (path, width, scheme, *fault)
        for path in READ
        for width, height, scheme, rule in SCREENS
        for fault in faults_of(browser, f"{servers.http_url}/docs/{path}", width, height, scheme, rule)
    ]
    assert found == []
    assert browser.errors == []


def faults_of(browser: Page, url: str, width: int, height: int, scheme: str, rule: str) -> Iterator[tuple[str, ...]]:
    """Open a page, and yield what axe finds serious, and whether it is wider than the screen."""
    show(browser, width, height, scheme)
    browser.open(url)
    browser.until(f"document.body?.dataset.mdColorScheme === '{THEMES[scheme]}'")
    yield from violations(browser, rule=rule)
    if (wide := browser.value("document.documentElement.scrollWidth")) > width:
        yield "wide", str(wide)
