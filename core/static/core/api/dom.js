// Elements, and texts of the contracts as elements.

/** Return an element with attributes (a function is a listener, true an empty attribute) and children. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(3).filter((child) => child != null && child !== false));
  return made;
}

/** Return a text with `code` and **bold** parts as nodes. */
export function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (/^`.+`$/.test(part)) return element("code", {}, part.slice(1, -1));
    return /^\*\*.+\*\*$/.test(part) ? element("strong", {}, part.slice(2, -2)) : part;
  });
}

/** Return the paragraphs of a comment. */
export function paragraphs(text) {
  return (text || "").split(/\n\n+/).filter(Boolean).map((paragraph) => element("p", {}, inline(paragraph)));
}

let ids = 0;

/** Return a label with its control, and a description that is read with it. */
export function labelled(name, control, description = "", note = "") {
  const id = `field-${++ids}`;
  control.id = id;
  const hint = description && element("div", { class: "hint", id: `${id}-hint` }, inline(description));
  if (hint) control.setAttribute("aria-describedby", hint.id);
  return element("div", { class: "field" }, element("label", { for: id }, element("code", {}, name), note && ` ${note}`), control, hint);
}

/**
 * Return the fields of a message as a list. A field is {name, type, text, required, fields}; `fields` is a function that
 * returns those of a nested message, or undefined.
 */
export function fieldList(fields) {
  if (!fields.length) return element("p", { class: "muted" }, "It has no fields.");
  return element("ul", { class: "fields" }, fields.map(fieldItem));
}

function fieldItem({ name, type, text, required, fields }) {
  const head = [element("code", {}, name), " ", element("span", { class: "muted" }, type, required ? ", required" : "")];
  const about = text && element("div", { class: "hint" }, inline(text));
  return element("li", {}, head, about, fields && folded(`Fields of ${type}`, () => fieldList(fields())));
}

/** Return a part that is made when a person opens it. */
export function folded(title, make, attributes = {}) {
  const details = element("details", attributes, element("summary", {}, title));
  details.addEventListener("toggle", () => details.open && details.append(make()), { once: true });
  return details;
}

/** Return a button that copies a text. */
export function copyButton(title, text) {
  const button = element("button", { type: "button", class: "quiet", click: copy }, title);
  async function copy() {
    await navigator.clipboard?.writeText(text()).catch(() => undefined);
    button.textContent = navigator.clipboard ? "Copied" : "Select the line below";
    setTimeout(() => (button.textContent = title), 2000);
  }
  return button;
}
