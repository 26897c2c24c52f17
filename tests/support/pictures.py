"""Pictures of the web app and of the admin site for the documentation.

`WRITE_PICTURES=1 scripts/test.sh tests/web tests/core/test_admin_in_browser.py` makes them anew.
"""

import os

from tests.support.chromium import Page
from tests.support.servers import ROOT
from tests.support.web_app import App

_FOLDER = ROOT / "docs" / "images"


def picture(app: App, name: str) -> None:
    """Write what the page shows into docs/images, if the run is to do so."""
    picture_of(app.page, name)


def picture_of(page: Page, name: str, height: int = 760) -> None:
    """Write the beginning of a page into docs/images, if the run is to do so."""
    if not os.environ.get("WRITE_PICTURES"):
        return
    page.size(1280, height)
    page.value("scrollTo(0, 0)")
    page.settle()
    page.picture(_FOLDER / f"{name}.png")
