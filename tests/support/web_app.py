"""The web app in a browser, as a person uses it: by the names of things on the page."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.chromium import Page, chromium

#: All that a person can press.
PRESSED = "a, button, summary, [role=option]"
#: So many steps lead to everything on a page.
MAX_STEPS = 150
#: Modifiers of a key.
CTRL, SHIFT = 2, 8
_ACTIVE = "document.activeElement.textContent"


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
        self._press(
            f"[e.textContent.trim(), e.ariaLabel].includes({json.dumps(name)}) && e.closest({json.dumps(within)})"
        )

    def press_matching(self, selector: str) -> None:
        """Press the first thing that matches, once it is there."""
        self._press(f"e.matches({json.dumps(selector)})")

    def _press(self, is_wanted: str) -> None:
        found = self._shown(PRESSED, is_wanted)
        # Options of a picker are picked as the button goes down.
        down = "e.dispatchEvent(new MouseEvent('mousedown', {bubbles: true}))"
        self.page.value(f"(() => {{ const e = {found}; {down}; e.click(); }})()")

    def fill(self, label: str, text: str) -> None:
        """Type into the field with this label, in place of what is there."""
        self._type(f"[e.labels?.[0]?.textContent.trim(), e.ariaLabel].includes({json.dumps(label)})", text)

    def choose(self, label: str, option: str) -> None:
        """Choose an option of the list with this label."""
        found = self._shown("select", f"[e.labels?.[0]?.textContent.trim(), e.ariaLabel].includes({json.dumps(label)})")
        value = f"[...e.options].find(o => o.textContent === {json.dumps(option)}).value"
        change = "e.dispatchEvent(new Event('change', {bubbles: true}))"
        self.page.value(f"(() => {{ const e = {found}; e.value = {value}; {change}; }})()")

    def pick(self, selector: str, person: str) -> None:
        """Pick a user by the name in the picker that matches."""
        self._type(f"e.matches({json.dumps(selector)})", person)
        self.press(person, ".picker")

    def _type(self, is_wanted: str, text: str) -> None:
        found = self._shown("input, textarea", is_wanted)
        self.page.value(f"{found}.focus(), {found}.select?.()")
        self.page.send("Input.insertText", text=text)

    def _shown(self, selector: str, is_wanted: str) -> str:
        """Wait for the element `e`, in the dialog if one is open, and return the expression that finds it."""
        within = "([...document.querySelectorAll('dialog')].at(-1) ?? document)"
        found = f"[...{within}.querySelectorAll('{selector}')].find(e => e.checkVisibility() && {is_wanted})"
        self.page.until(f"!!{found}")
        return found

    def choose_file(self, button: str, path: Path) -> None:
        """Press the button that asks for a file, and choose this one."""
        self.page.await_file_chooser()
        self.press(button)
        self.page.choose_file(path)

    def until_shown(self, text: str) -> None:
        try:
            self.page.until(f"document.body.innerText.includes({json.dumps(text)})")
        except AssertionError as error:
            raise AssertionError(
                f"{text!r} is not shown, but:\n{self.page.value('document.body.innerText')}"
            ) from error

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


class Telephone(App):
    """The app on a screen that is touched."""

    def __init__(self, page: Page, url: str) -> None:
        super().__init__(page, url)
        page.size(390, 844)
        page.send("Emulation.setTouchEmulationEnabled", enabled=True)

    def drag_card(self, title: str, column: str) -> None:
        """Rest on a card, draw it to the edge until the board has scrolled to the column, and drop it there."""
        x, y = self._place(self._shown(".card", f"e.textContent.includes({json.dumps(title)})"))
        self.page.touch("touchStart", x, y)
        self.page.until("!!document.querySelector('.card.floating')")
        self.page.touch("touchMove", 380, y)
        target = f"document.querySelector('section[aria-label={json.dumps(column)}]').getBoundingClientRect()"
        self.page.until(f"{target}.x < 190")
        self.page.touch("touchMove", 200, y)
        self.page.until("document.querySelector('.column.target')?.ariaLabel === " + json.dumps(column))
        self.page.touch("touchEnd")

    def _press(self, is_wanted: str) -> None:
        self._tap(self._shown(PRESSED, is_wanted))

    def _type(self, is_wanted: str, text: str) -> None:
        found = self._shown("input, textarea", is_wanted)
        self._tap(found)
        self.page.until(f"document.activeElement === {found}")
        self.page.value(f"{found}.select()")
        self.page.send("Input.insertText", text=text)

    def _tap(self, found: str) -> None:
        x, y = self._place(found)
        self.page.touch("touchStart", x, y)
        self.page.touch("touchEnd")

    def _place(self, found: str) -> tuple[float, float]:
        """Scroll an element into view, and return the place of its middle."""
        self.page.value(f"{found}.scrollIntoView({{block: 'center', inline: 'nearest'}})")
        self.page.settle()
        middle = "[r.x + r.width / 2, r.y + r.height / 2]"
        x, y = self.page.value(f"(() => {{ const r = {found}.getBoundingClientRect(); return {middle}; }})()")
        return x, y


class Keyboard(App):
    """The app without mouse and touch: Tab leads to everything, Enter presses it."""

    def drag_card(self, title: str, column: str) -> None:
        """Choose a card by J, and move it with Shift and the arrow to the right."""
        for _ in range(MAX_STEPS):
            self.page.press_text("j")
            if self.page.value(f"document.activeElement.matches('.card') && {_ACTIVE}.includes({json.dumps(title)})"):
                break
        for at in self.columns()[1:]:
            self.page.press("ArrowRight", 39, SHIFT)
            self.until_card(title, at)
            self.page.until(f"document.activeElement.matches('.card') && {_ACTIVE}.includes({json.dumps(title)})")
            if at == column:
                return

    def columns(self) -> list[str]:
        names: list[str] = self.page.value("[...document.querySelectorAll('section.column')].map(e => e.ariaLabel)")
        return names

    def pick(self, selector: str, person: str) -> None:
        self._type(f"e.matches({json.dumps(selector)})", person)
        option = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.textContent"
        self.page.until(f"{option}?.trim() === {json.dumps(person)}")
        self.page.press("Enter", 13)

    def _press(self, is_wanted: str) -> None:
        self._reach(PRESSED, is_wanted)
        self.page.press("Enter", 13)

    def _type(self, is_wanted: str, text: str) -> None:
        self._reach("input, textarea", is_wanted)
        self.page.send("Input.insertText", text=text)

    def _reach(self, selector: str, is_wanted: str) -> None:
        """Press Tab until the focus is where it is wanted."""
        self._shown(selector, is_wanted)
        is_reached = f"(e => e.matches('{selector}') && !!({is_wanted}))(document.activeElement)"
        for _ in range(MAX_STEPS):
            if self.page.value(is_reached):
                return
            self.page.press("Tab", 9)
        raise AssertionError(f"Tab does not lead to: {is_wanted}")


@contextmanager
def web_app(url: str, kind: type[App] = App) -> Iterator[App]:
    """Start a browser for the app of this server."""
    with chromium() as page:
        page.size(1280, 800)
        yield kind(page, url)
