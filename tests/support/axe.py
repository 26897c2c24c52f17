"""Faults of a page for its readers: those that axe-core finds, its width, and visible IDs."""

import json
from collections.abc import Collection
from typing import NamedTuple

from tests.support.chromium import Page
from tests.support.servers import ROOT
from tests.support.web_app import App

SCRIPT = ROOT / "node_modules/axe-core/axe.min.js"

SERIOUS = ("critical", "serious")
CONTRAST = "color-contrast"
_RUN = """
axe.run(document, {resultTypes: ["violations"], iframes: false, RULES}).then(({violations}) =>
    violations.flatMap(({id, impact, nodes}) =>
        nodes.map(({target, failureSummary}) => [impact, id, target.flat().join(" "), failureSummary])))
"""
#: Width, height, theme, and the rules that are checked: a theme changes colours, and a width the places.
SCREENS = (
    (1280, 800, "light", ""),
    (1280, 800, "dark", CONTRAST),
    (390, 844, "light", CONTRAST),
    (390, 844, "dark", ""),
)
#: Texts and values that have a UUID, and are shown outside the details of a page.
_IDS = """
(() => {
    const id = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-/;
    const shown = [...document.querySelectorAll("body *")]
        .filter((e) => !e.closest("details, script, style") && e.checkVisibility());
    const texts = shown.flatMap((e) => [
        ...[...e.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.data),
        e.title ?? "", e.alt ?? "", e.ariaLabel ?? "", e.matches("input:not([type=hidden]), textarea") ? e.value : "",
    ]);
    return texts.filter((text) => id.test(text));
})()
"""


class Violation(NamedTuple):
    """A rule of axe that an element breaks.

    Attributes:
        impact: `critical`, `serious`, `moderate` or `minor`.
        rule: the id of axe's rule.
        target: the element's selector.
        reason: how it breaks the rule.
    """

    impact: str
    rule: str
    target: str
    reason: str


def show(page: Page, width: int, height: int, scheme: str) -> None:
    """Give the page the size of a screen, and the browser a theme, `light` or `dark`."""
    page.size(width, height)
    page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def violations(page: Page, impacts: Collection[str] = SERIOUS, rule: str = "") -> list[Violation]:
    """Run axe on what the page shows, once it stands still.

    Args:
        impacts: those that are returned.
        rule: the only rule that is checked; empty = all.
    """
    page.settle()
    if not page.value("'axe' in window"):
        page.value(f"{SCRIPT.read_text()}; 0")
    found = page.value(_RUN.replace("RULES", f"runOnly: {json.dumps([rule])}" if rule else ""))
    return [one for one in map(Violation._make, found) if one.impact in impacts]


def faults(app: App) -> list[str]:
    """Check the page at 1280 pixels in light and dark, and at 390; return what is wrong, with where."""
    found = []
    for width, height, scheme, rules in (
        (1280, 800, "dark", CONTRAST),
        (390, 844, "light", ""),
        (1280, 800, "light", ""),
    ):
        show(app.page, width, height, scheme)
        app.page.until(f"innerWidth === {width} && matchMedia('(prefers-color-scheme: {scheme})').matches")
        at = f"at {width} pixels in {scheme}"
        found += [f"{at}: {' '.join(one)}" for one in violations(app.page, (*SERIOUS, "moderate"), rules)]
        if (wider := app.overflow()) > 0:
            found.append(f"{at}: wider than the screen by {wider} pixels")
    return found + [f"an ID is shown: {text}" for text in app.page.value(_IDS)]
