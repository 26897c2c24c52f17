"""The web app in a browser, as a person uses it: by the names of things on the page."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.chromium import Page, chromium

#: All that a person can press.
PRESSED = "a, button, summary, [role=option]"


class App:
    """A page of the app.

    Attributes:
        page: the page of the browser.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url

    def open(self, path: str) -> None:
        self.page.open(self._url + path)
        self.page.until("!!document.querySelector('main')")

    def enter_openly(self, path: str = "/") -> None:
        """Open a path as the administrator of a development server."""
        self.open(path)
        self.press("Continue as its administrator")
        self.page.until("!!document.querySelector('nav.places')")

    def press(self, name: str, within: str = "body") -> None:
        """Press the first thing of this name, once it is there."""
        found = (
            f"[...document.querySelectorAll({json.dumps(within)})].flatMap(e => [...e.querySelectorAll('{PRESSED}')])"
            f".find(e => [e.textContent.trim(), e.ariaLabel].includes({json.dumps(name)}))"
        )
        self.page.until(f"!!{found}")
        # Options of a picker are picked as the button goes down.
        down = "e.dispatchEvent(new MouseEvent('mousedown', {bubbles: true}))"
        self.page.value(f"(() => {{ const e = {found}; {down}; e.click(); }})()")

    def fill(self, label: str, text: str) -> None:
        """Type into the field with this label, in place of what is there."""
        found = (
            "[...document.querySelectorAll('input, textarea')].findLast(e => "
            f"[e.labels?.[0]?.textContent.trim(), e.ariaLabel].includes({json.dumps(label)}))"
        )
        self.page.until(f"!!{found}")
        self.page.value(f"{found}.focus(), {found}.select?.()")
        self.page.send("Input.insertText", text=text)

    def until_shown(self, text: str) -> None:
        self.page.until(f"document.body.innerText.includes({json.dumps(text)})")

    def cards(self, column: str) -> list[str]:
        """Return the titles of the cards of a column."""
        found = f"document.querySelectorAll('section[aria-label={json.dumps(column)}] .card-title')"
        titles: list[str] = self.page.value(f"[...{found}].map(e => e.textContent)")
        return titles

    def until_card(self, title: str, column: str) -> None:
        found = f"document.querySelectorAll('section[aria-label={json.dumps(column)}] .card-title')"
        self.page.until(f"[...{found}].some(e => e.textContent === {json.dumps(title)})")

    def drag_card(self, title: str, column: str) -> None:
        """Drag a card to the top of a column with the mouse."""
        card = f"[...document.querySelectorAll('.card-title')].find(e => e.textContent === {json.dumps(title)})"
        self.page.until(f"!!{card}")
        start, end = (
            self.page.value(f"(() => {{ const r = {of}.getBoundingClientRect(); return [r.x + 30, r.y + {y}]; }})()")
            for of, y in ((card, 8), (f"document.querySelector('section[aria-label={json.dumps(column)}]')", 60))
        )
        self.page.drag(start, end)

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the screen."""
        wider: int = self.page.value("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return wider


@contextmanager
def web_app(url: str) -> Iterator[App]:
    """Start a browser for the app of this server."""
    with chromium() as page:
        page.size(1280, 800)
        yield App(page, url)
