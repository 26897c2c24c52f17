"""Pictures of the web app for the documentation: `WRITE_PICTURES=1 scripts/test.sh tests/web` makes them anew."""

import os

from tests.support.servers import ROOT
from tests.support.web_app import App

_FOLDER = ROOT / "docs" / "images"


def picture(app: App, name: str) -> None:
    """Write what the page shows into docs/images, if the run is to do so."""
    if not os.environ.get("WRITE_PICTURES"):
        return
    app.page.size(1280, 760)
    app.page.value("scrollTo(0, 0)")
    app.page.settle()
    app.page.picture(_FOLDER / f"{name}.png")
