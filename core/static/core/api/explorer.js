// The frame of both pages: sections of operations with a filter, each operation opened on demand.
import { element, paragraphs } from "./dom.js";
import { showSession } from "./session.js";

/**
 * Show sections: {id, title, text, entries}; an entry is {id, badge, kind, path, title, words, make}, and `make` returns
 * the content of the opened operation.
 */
export function showSections(sections) {
  const filter = document.getElementById("filter");
  const count = document.getElementById("count");
  const place = document.getElementById("operations");
  place.replaceChildren(...sections.map(sectionElement));
  document.getElementById("sections").replaceChildren(
    ...sections.map(({ id, title }) => element("li", {}, element("a", { href: `#${id}` }, title))));
  filter.addEventListener("input", apply);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) {
      event.preventDefault();
      filter.focus();
    } else if (event.key === "Escape" && event.target === filter) {
      filter.value = "";
      apply();
    }
  });
  addEventListener("hashchange", openByAddress);
  apply();
  openByAddress();
  showSession(document.getElementById("session"), () => undefined);

  function apply() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const section of place.children) {
      let here = 0;
      for (const one of section.querySelectorAll(".operation")) {
        one.hidden = !words.every((word) => one.dataset.words.includes(word));
        here += !one.hidden;
      }
      section.hidden = !here;
      shown += here;
    }
    count.textContent = `${shown} operations`;
  }
}

function sectionElement({ id, title, text, entries }) {
  return element("section", { "aria-labelledby": id },
    element("h2", { id }, title), paragraphs(text), entries.map(operationElement));
}

function operationElement({ id, badge, kind, path, title, words, make }) {
  const details = element("details", { class: "operation", id, "data-words": words.toLowerCase() },
    element("summary", {}, element("span", { class: `badge ${kind}` }, badge), " ", element("code", {}, path), " ",
      element("span", { class: "title" }, title)));
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    history.replaceState(null, "", `#${id}`);
    if (!details.querySelector(".panel")) details.append(element("div", { class: "panel" }, make()));
  });
  return details;
}

function openByAddress() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.classList.contains("operation")) target.open = true;
  target.scrollIntoView();
}

/** Return the JSON at a path, or null if the server refuses. */
export async function readJson(path, headers = {}) {
  const response = await fetch(path, { headers });
  return response.ok ? response.json() : null;
}

/** Return a text as a word of a shell. */
export function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
