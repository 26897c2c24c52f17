"""The pages of the API in a browser: every operation is opened, and sent as it is prefilled."""

import json
from typing import Any

from tests.support.chromium import Page

#: Opens an operation, waits until it is filled, sends it, and stops a stream after its first event.
_SEND = """
async (id) => {
  const pause = () => new Promise((resume) => setTimeout(resume, 5));
  const operation = document.getElementById(id);
  operation.open = true;
  while (!operation.querySelector(".call[data-ready]")) await pause();
  const missing = operation.querySelector(".warning").textContent;
  const send = [...operation.querySelectorAll(".buttons button")].find((button) => button.textContent === "Send");
  if (!send) return { status: "not sent", missing };
  send.click();
  await pause();
  const outcome = operation.querySelector(".outcome");
  const late = Date.now() + 10_000;
  while (outcome.dataset.state === "running") {
    const isSeen = Date.now() > late || outcome.querySelector(".events li");
    if (isSeen) outcome.querySelectorAll("button").forEach((button) => button.click());
    await pause();
  }
  const events = outcome.querySelectorAll(".events li").length;
  const text = outcome.querySelector("pre[aria-label=Body]")?.textContent ?? "";
  return { status: outcome.dataset.status ?? "", missing, events, text };
}
"""


#: Ends the wait for an operation that hangs, so that the test names it.
_LATE = """
(id) => new Promise((resume) =>
  setTimeout(() => resume({ status: "no answer in time", missing: "", events: 0, text: "" }), 30_000))
"""


def operations_of(page: Page) -> dict[str, str]:
    """Return the ids of the page's operations and their badges, once it shows them."""
    page.until("document.querySelectorAll('.operation').length > 50")
    shown = page.value(
        "JSON.stringify([...document.querySelectorAll('.operation')]"
        ".map((one) => [one.id, one.querySelector('.badge').textContent]))"
    )
    return dict(json.loads(shown))


def send_all(page: Page, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Send each operation in this order. Return what came of each."""
    page.value(
        f"window.found = null; (async () => {{ const send = {_SEND}; const late = {_LATE}; const found = {{}};"
        f"for (const id of {json.dumps(ids)}) {{ found[id] = await Promise.race([send(id), late(id)]); }}"
        "window.found = JSON.stringify(found); })()"
    )
    page.until("window.found !== null", seconds=300)
    found: dict[str, dict[str, Any]] = json.loads(page.value("window.found"))
    return found
