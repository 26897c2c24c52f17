"""Faults of a page of the web app for its readers: those that axe-core finds, its width, and visible IDs."""

import json
from typing import Any

from tests.support.servers import ROOT
from tests.support.web_app import App

SCRIPT = ROOT / "node_modules/axe-core/axe.min.js"

#: Faults of these impacts are not allowed.
_IMPACTS = ["critical", "serious", "moderate"]
_RUN = f"""
axe.run(document, {{resultTypes: ["violations"], iframes: false, RULES}}).then(({{violations}}) => violations
    .filter(({{impact}}) => {json.dumps(_IMPACTS)}.includes(impact))
    .flatMap(({{id, impact, nodes}}) => nodes.map(({{target, failureSummary}}) => `${{impact}} ${{id}} ${{target}} ${{failureSummary}}`)))
"""  # noqa: E501
_CONTRAST = "runOnly: ['color-contrast']"
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


def faults(app: App) -> list[str]:
    """Check the page at 1280 pixels in light and dark, and at 390; return what is wrong, with where."""
    found = []
    for width, height, scheme, rules in (
        (1280, 800, "dark", _CONTRAST),
        (390, 844, "light", ""),
        (1280, 800, "light", ""),
    ):
        app.page.size(width, height)
        app.scheme(scheme)
        app.page.until(f"innerWidth === {width} && matchMedia('(prefers-color-scheme: {scheme})').matches")
        at = f"at {width} pixels in {scheme}"
        found += [f"{at}: {fault}" for fault in _violations(app, rules)]
        if (wider := app.overflow()) > 0:
            found.append(f"{at}: wider than the screen by {wider} pixels")
    return found + [f"an ID is shown: {text}" for text in app.page.value(_IDS)]


def _violations(app: App, rules: str) -> list[Any]:
    app.page.settle()
    if not app.page.value("'axe' in window"):
        app.page.value(f"{SCRIPT.read_text()}; 0")
    violations: list[Any] = app.page.value(_RUN.replace("RULES", rules))
    return violations
