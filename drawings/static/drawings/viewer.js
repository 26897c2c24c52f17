// A document's page: its sheets with the components on them, which people confirm or reject.
"use strict";

const STATES = { 1: "proposed", 2: "confirmed", 3: "rejected" };
const CONFIRMED = 2;
const REJECTED = 3;

function connectViewer(root) {
  const sheet = new Sheet(root.querySelector(".viewer-stage"));
  const part = (name) => root.querySelector(`[data-part=${name}]`);
  const [pages, filter, list, report, notes, symbols] = ["pages", "filter", "list", "report", "notes", "symbols"].map(part);
  const token = root.querySelector("[name=csrfmiddlewaretoken]").value;
  let components = [];
  let current = null;
  let undo = [];

  const kindOf = (one) => (one.state === 1 && one.remark ? "withheld" : STATES[one.state]);
  const shown = () => components.filter((one) => (
    (!filter.value || kindOf(one) === filter.value) && (!symbols.value || one.symbol === symbols.value)
  ));

  async function call(address, body) {
    const options = body && {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "X-CSRFToken": token, "Content-Type": "application/json" },
    };
    const response = await fetch(address, options);
    const isJson = (response.headers.get("Content-Type") || "").includes("json");
    const answer = isJson ? await response.json() : {};
    if (!response.ok) throw new Error(answer.detail || `The server answered with status ${response.status}.`);
    return answer;
  }

  async function attempt(work) {
    try {
      await work();
    } catch (error) {
      report.textContent = error.message;
    }
  }

  const pageOf = (number) => call(root.dataset.page.replace("/0/", `/${number}/`));

  function listSymbols(found) {
    const chosen = symbols.value;
    symbols.replaceChildren(symbols.options[0], ...found.map(({ id, name }) => new Option(name, id)));
    symbols.value = found.some(({ id }) => id === chosen) ? chosen : "";
  }

  async function open(number) {
    pages.value = String(number);
    const option = pages.selectedOptions[0];
    const page = await pageOf(number);
    components = page.components;
    listSymbols(page.symbols);
    current = null;
    notes.replaceChildren(...[...page.notes].map((text) => {
      const note = document.createElement("p");
      note.className = "viewer-notice";
      note.textContent = text;
      return note;
    }));
    sheet.show({ ...page, description: `Drawing, page ${option.textContent}` });
    draw();
    report.textContent = page.has_more ? "Only the first components of the page are shown." : "";
  }

  function draw() {
    const visible = shown();
    // The list is made anew; the keys still belong to the viewer.
    if (list.contains(document.activeElement)) sheet.stage.focus({ preventScroll: true });
    sheet.svg.replaceChildren();
    list.replaceChildren();
    for (const one of visible) {
      const kind = kindOf(one);
      one.shape = sheet.draw(one.bbox, kind);
      one.shape.dataset.id = one.id;
      const item = document.createElement("li");
      one.button = document.createElement("button");
      one.button.type = "button";
      one.button.dataset.id = one.id;
      one.button.textContent = one.name;
      const about = document.createElement("small");
      about.textContent = [kind, ...(one.remark ? [one.remark] : [])].join(": ");
      one.button.append(about);
      item.append(one.button);
      list.append(item);
    }
    const count = (kind) => components.filter((one) => kindOf(one) === kind).length;
    for (const option of filter.options) {
      const total = option.value ? count(option.value) : components.length;
      option.textContent = `${option.dataset.name} (${total})`;
    }
    mark();
  }

  function mark() {
    for (const one of components) {
      one.shape?.classList.toggle("current", one === current);
      one.button?.toggleAttribute("aria-current", false);
    }
    current?.button?.setAttribute("aria-current", "true");
    for (const name of ["confirm", "reject"]) if (part(name)) part(name).disabled = !current;
    if (part("undo")) part("undo").disabled = !undo.length;
  }

  function select(one, { focus = false } = {}) {
    current = one || null;
    mark();
    if (!current) return;
    sheet.reveal(current.bbox);
    current.button.scrollIntoView({ block: "nearest" });
    if (focus) current.button.focus();
  }

  function step(by) {
    const visible = shown();
    if (!visible.length) return;
    const place = visible.indexOf(current);
    select(visible[place < 0 ? (by > 0 ? 0 : visible.length - 1) : (place + by + visible.length) % visible.length], { focus: true });
  }

  // The next component that is not decided, also on the following pages.
  async function nextOpen(after) {
    const isOpen = (one) => one.state === 1;
    const start = components.indexOf(after) + 1;
    const next = [...components.slice(start), ...components.slice(0, start)].find((one) => isOpen(one) && shown().includes(one));
    if (next) {
      select(next, { focus: true });
      return;
    }
    const others = [...pages.options].filter((option) => Number(option.dataset.open) > 0 && !option.selected);
    const following = others.find((option) => option.index > pages.selectedIndex) || others[0];
    if (!following) {
      report.textContent = "All components are decided.";
      return;
    }
    await open(following.value);
    select(components.find(isOpen), { focus: true });
  }

  async function decide(decisions) {
    const answer = await call(root.dataset.decide, { decisions });
    for (const changed of answer.components) {
      const one = components.find(({ id }) => id === changed.id);
      if (one) Object.assign(one, changed);
    }
    const option = pages.selectedOptions[0];
    option.dataset.open = components.filter((one) => one.state === 1).length;
    return answer;
  }

  async function decideCurrent(state) {
    const one = current;
    if (!one || !part("confirm")) return;
    const answer = await decide([{ component_id: one.id, state, version: one.version }]);
    if (answer.undo.length) undo.push(answer.undo);
    draw();
    report.textContent = `${one.name}: ${STATES[state]}.`;
    await nextOpen(one);
  }

  async function undoLast() {
    const decisions = undo.pop();
    if (!decisions) return;
    const answer = await decide(decisions);
    draw();
    select(components.find(({ id }) => id === answer.components[0].id), { focus: true });
    report.textContent = "The last decision is undone.";
  }

  // Show the count of a symbol until it is complete, then what was found on the page.
  async function follow(id) {
    for (;;) {
      const number = pages.value;
      const page = await pageOf(number);
      const symbol = page.symbols.find((one) => one.id === id);
      if (!symbol) return;
      report.textContent = symbol.report;
      if (!symbol.is_counting) {
        if (number === pages.value) {
          components = page.components;
          current = null;
          listSymbols(page.symbols);
          symbols.value = id;
          pages.selectedOptions[0].dataset.open = components.filter((one) => one.state === 1).length;
          draw();
          select(shown()[0]);
        }
        return;
      }
      await new Promise((resolve) => { setTimeout(resolve, 700); });
    }
  }

  function connectPicking() {
    const form = part("symbol");
    const sides = ["x0", "y0", "x1", "y1"].map((name) => form.elements[name]);
    let start = null;
    let shape = null;

    const isPicking = () => part("pick").getAttribute("aria-pressed") === "true";
    function setPicking(on) {
      part("pick").setAttribute("aria-pressed", String(on));
      sheet.stage.classList.toggle("picking", on);
      report.textContent = on ? "Drag a box around one symbol, close to its lines." : "";
    }

    function box() {
      shape?.remove();
      shape = null;
      const values = sides.map((side) => Number(side.value));
      if (sides.every((side) => side.value !== "")) shape = sheet.draw(values, "box");
    }

    function stretch(event) {
      const end = sheet.place(event);
      const values = [
        Math.min(start[0], end[0]), Math.min(start[1], end[1]), Math.max(start[0], end[0]), Math.max(start[1], end[1]),
      ];
      sides.forEach((side, index) => { side.value = values[index].toFixed(1); });
      box();
    }

    actions.pick = () => setPicking(!isPicking());
    keys.s = "pick";
    part("pick").addEventListener("click", actions.pick);
    sheet.stage.addEventListener("pointerdown", (event) => {
      if (!isPicking() || event.button) return;
      event.preventDefault();
      start = sheet.place(event);
      sheet.stage.setPointerCapture(event.pointerId);
    });
    sheet.stage.addEventListener("pointermove", (event) => { if (start) stretch(event); });
    sheet.stage.addEventListener("pointerup", (event) => {
      if (!start) return;
      stretch(event);
      start = null;
      setPicking(false);
      form.elements.name.focus();
    });
    sheet.stage.addEventListener("pointercancel", () => { start = null; });
    form.addEventListener("input", box);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(async () => {
        report.textContent = "";
        const bbox = sides.map((side) => Number(side.value));
        const body = { name: form.elements.name.value, page_number: Number(pages.value), bbox };
        const { symbol } = await call(root.dataset.pick, body);
        form.reset();
        box();
        await follow(symbol.id);
      });
    });
  }

  const actions = {
    in: () => sheet.zoomTo(sheet.zoom * 1.4),
    out: () => sheet.zoomTo(sheet.zoom / 1.4),
    fit: () => sheet.fit(),
    previous: () => step(-1),
    next: () => step(1),
    open: () => nextOpen(current),
    confirm: () => decideCurrent(CONFIRMED),
    reject: () => decideCurrent(REJECTED),
    undo: undoLast,
  };
  const keys = {
    "+": "in", "-": "out", 0: "fit", p: "previous", n: "next", o: "open", c: "confirm", x: "reject", u: "undo",
  };
  for (const [name, action] of Object.entries(actions)) {
    part(name)?.addEventListener("click", () => attempt(action));
  }
  document.addEventListener("keydown", (event) => {
    if (event.target !== document.body && !root.contains(event.target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const action = actions[keys[event.key]];
    if (!action) return;
    event.preventDefault();
    attempt(action);
  });
  list.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  });
  root.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-id]");
    if (chosen) select(components.find(({ id }) => id === chosen.dataset.id));
  });
  pages.addEventListener("change", () => attempt(() => open(pages.value)));
  filter.addEventListener("change", draw);
  symbols.addEventListener("change", draw);
  if (part("symbol")) connectPicking();

  // The address may name what is shown first: #page=2&component=ID, or &symbol=ID.
  async function openNamed() {
    const named = new URLSearchParams(location.hash.slice(1));
    const number = named.get("page") ?? "";
    const isPage = [...pages.options].some((option) => option.value === number);
    await open(isPage ? number : root.dataset.first || 0);
    if (named.has("symbol")) {
      symbols.value = [...symbols.options].some(({ value }) => value === named.get("symbol")) ? named.get("symbol") : "";
      draw();
    }
    const component = components.find(({ id }) => id === named.get("component"));
    if (component) select(component, { focus: true });
  }

  if (pages.options.length) attempt(openNamed);
}

document.addEventListener("DOMContentLoaded", () => {
  const root = document.getElementById("viewer");
  if (root) connectViewer(root);
});
