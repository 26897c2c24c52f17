// The page of the REST API, made from its OpenAPI document.
import { copyButton, element, fieldList, folded, labelled, paragraphs } from "./dom.js";
import { quoted, readJson, showSections } from "./explorer.js";
import { block, Outcome, pretty, run } from "./outcome.js";
import { sampleOf } from "./samples.js";
import { authorization, isOpen } from "./session.js";
import { events, lines } from "./streams.js";
import { Values } from "./values.js";

const VERBS = ["get", "post", "put", "patch", "delete", "head", "options"];
const api = await readJson(document.body.dataset.document);
const values = new Values(api["x-example-values"], async (path) => readJson(path, await authorization()));
/** Where creations put their results, the latest first. */
const locations = [];

document.getElementById("about").append(...paragraphs(api.info.description.split("\n\n").slice(0, 4).join("\n\n")));
showSections(sections());

function sections() {
  const byTag = new Map(api.tags.map(({ name, description }) => [name, { id: name, title: name, text: description, entries: [] }]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const verb of VERBS.filter((name) => item[name])) {
      const operation = { ...item[verb], parameters: [...(item.parameters ?? []), ...(item[verb].parameters ?? [])].map(resolved) };
      byTag.get(operation.tags[0]).entries.push({
        id: operation.operationId, badge: verb.toUpperCase(), kind: verb, path, title: operation.summary,
        words: `${verb} ${path} ${operation.operationId} ${operation.summary} ${operation.tags}`,
        make: () => panel(verb, path, operation),
      });
    }
  }
  return [...byTag.values()].filter(({ entries }) => entries.length);
}

function panel(verb, path, operation) {
  const form = new Form(path, operation);
  const outcome = new Outcome();
  const line = element("div", { class: "line" });
  const canSend = !operation.responses[101];
  const send = async (event) => {
    event.preventDefault();
    await run(outcome, (signal) => call(verb, form, outcome, signal));
  };
  const showLine = () => line.replaceChildren(block(curl(verb, form), "Command"));
  const made = element("form", { class: "call", submit: send, input: showLine }, form.elements,
    element("div", { class: "buttons" },
      canSend ? element("button", {}, "Send") : element("p", { class: "muted" }, "Only programs can open this WebSocket."),
      element("button", { type: "button", class: "quiet", click: () => { values.forget(); form.prefill().then(showLine); } }, "New values"),
      copyButton("Copy as curl", () => curl(verb, form))),
    line);
  form.prefill().then(showLine).then(() => (made.dataset.ready = "yes"));
  return [paragraphs(operation.description), made, outcome.place, described(operation)];
}

/** The inputs of an operation. */
class Form {
  constructor(path, operation) {
    this.path = path;
    this.operation = operation;
    this.parameters = operation.parameters.map((parameter) => ({ ...parameter, control: control(parameter) }));
    const content = operation.requestBody?.content ?? {};
    this.type = Object.keys(content).find((type) => type === "application/json") ?? Object.keys(content)[0] ?? "";
    this.content = content[this.type];
    this.text = this.type && element("textarea", { rows: "6", spellcheck: "false" });
    this.chosen = this.isForm && element("input", { type: "file" });
    this.missing = element("p", { class: "warning", role: "status" });
    const first = this.parameters.filter((one) => one.required || "example" in one);
    const others = this.parameters.filter((one) => !first.includes(one));
    const fields = (some) => some.map((one) => labelled(one.name, one.control, one.description, note(one)));
    this.elements = [
      fields(first),
      others.length > 0 && element("details", { class: "more" }, element("summary", {}, `Optional parameters (${others.length})`), fields(others)),
      this.text && labelled("Body", this.text, `As ${this.type}.`),
      this.chosen && labelled("file", this.chosen, "Without a file a small sample is sent."),
      this.missing,
    ];
  }

  get isForm() {
    return this.type === "multipart/form-data";
  }

  async prefill() {
    const missing = new Set();
    for (const one of this.parameters) {
      if ("example" in one) one.control.value = shown(await values.fill(one.example, missing));
      else if (one.in === "path") one.control.value = fromLocation(this.path, one.name);
    }
    if (this.text) {
      this.text.value = "";
      if (this.content.example !== undefined) {
        this.text.value = JSON.stringify(await values.fill(this.content.example, missing), null, 2);
      } else if (this.type.endsWith("octet-stream")) this.text.value = this.operation.operationId === "sendPiece" ? "123456789" : "";
      this.text.rows = Math.min(14, this.text.value.split("\n").length + 1);
    }
    this.missing.textContent = [...missing].map((what) => `There is no ${what} yet: create one first.`).join(" ");
  }

  filled(place) {
    return this.parameters.filter((one) => one.in === place && one.control.value !== "");
  }

  url() {
    const path = this.filled("path").reduce((text, { name, control }) => text.replace(`{${name}}`, encodeURIComponent(control.value).replaceAll("%2F", name === "path" ? "/" : "%2F")), this.path);
    const query = new URLSearchParams();
    for (const { name, control, schema } of this.filled("query")) {
      for (const value of schema.type === "array" ? control.value.split(",") : [control.value]) query.append(name, value.trim());
    }
    return path + (query.size ? `?${query}` : "");
  }

  headers() {
    const headers = Object.fromEntries(this.filled("header").map(({ name, control }) => [name, control.value]));
    return this.text && !this.isForm && this.text.value ? { "Content-Type": this.type, ...headers } : headers;
  }

  /** The fields of a form as pairs. */
  pairs() {
    const fields = JSON.parse(this.text.value || "{}");
    return Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)]));
  }

  async body() {
    if (!this.isForm) return (this.text && this.text.value) || undefined;
    const data = new FormData();
    this.pairs().forEach(([name, value]) => data.append(name, value));
    data.append("file", this.chosen.files[0] ?? (await sampleOf(this.operation.operationId)));
    return data;
  }
}

function control({ schema, name }) {
  const choices = choicesOf(schema);
  if (!choices.length || schema.type === "array") return element("input", { autocomplete: "off", spellcheck: "false" });
  return element("select", {}, element("option", { value: "" }, `any ${name.replaceAll("_", " ")}`), choices.map((choice) => element("option", {}, choice)));
}

function choicesOf(schema) {
  const { type, enum: choices, items } = resolved(schema);
  if (type === "boolean") return ["true", "false"];
  return choices ?? (items ? choicesOf(items) : []);
}

function note(parameter) {
  const parts = [parameter.in, parameter.required && "required"];
  if (parameter.schema.type === "array") {
    const choices = choicesOf(parameter.schema);
    parts.push(`commas between${choices.length ? `: ${choices.join(", ")}` : ""}`);
  }
  return parts.filter(Boolean).join(", ");
}

function shown(value) {
  return Array.isArray(value) ? value.join(",") : String(value);
}

function fromLocation(path, name) {
  const pattern = path.replaceAll(/\{(\w+)\}/g, (_, field) => `(?<${field}>[^/]+)`);
  const found = locations.map((location) => new RegExp(`${pattern}$`).exec(location)).find(Boolean);
  return found?.groups[name] ?? "";
}

async function call(verb, form, outcome, signal) {
  const headers = { ...form.headers(), ...(await authorization()) };
  const response = await fetch(form.url(), { method: verb.toUpperCase(), headers, body: await form.body(), signal, cache: "no-store" });
  if (verb !== "get") values.forget();
  if (response.headers.has("Location")) locations.unshift(response.headers.get("Location"));
  outcome.status(`${response.status} ${response.statusText}`.trim(), response.ok);
  outcome.headers(response.headers);
  const type = response.headers.get("Content-Type") ?? "";
  if (type.startsWith("text/event-stream")) {
    for await (const { type: name, id, data } of events(response.body)) {
      await outcome.event(name, () => (id ? `id: ${id}\n${pretty(data)}` : pretty(data)));
    }
    outcome.note("The server has ended the stream.");
  } else if (type.startsWith("application/x-ndjson")) {
    for await (const line of lines(response.body)) await outcome.event("message", () => pretty(line));
  } else if (/json|text|xml|subrip/.test(type)) {
    outcome.body(pretty(await response.text()));
  } else if (type) {
    const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
    outcome.file(await response.blob(), name ?? "file");
  }
}

function curl(verb, form) {
  const parts = ["curl", ...(form.operation.responses[200]?.content?.["text/event-stream"] ? ["-N"] : [])];
  if (verb === "head") parts.push("-I");
  else if (verb !== "get" && !(verb === "post" && (form.text || form.isForm))) parts.push("-X", verb.toUpperCase());
  parts.push(quoted(location.origin + form.url()));
  if (!isOpen) parts.push("-H", '"Authorization: Bearer $TOKEN"');
  for (const [name, value] of Object.entries(form.headers())) parts.push("-H", quoted(`${name}: ${value}`));
  if (form.isForm) {
    try {
      form.pairs().forEach(([name, value]) => parts.push("-F", quoted(`${name}=${value}`)));
    } catch { /* The body is being typed. */ }
    parts.push("-F", "file=@FILE");
  } else if (form.text && form.text.value) parts.push("-d", quoted(form.text.value));
  return parts.join(" ");
}

/** Return the fields of body and answer, and the statuses. */
function described(operation) {
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const answer = Object.entries(operation.responses).find(([status]) => status < 300)?.[1];
  const schema = Object.values(answer?.content ?? {})[0]?.schema;
  const statuses = () => element("ul", { class: "fields" }, Object.entries(operation.responses).map(([status, response]) =>
    element("li", {}, element("code", {}, status), " ", paragraphs(resolved(response).description))));
  return [
    body && folded("Fields of the body", () => fieldList(fieldsOf(body))),
    schema && folded("Fields of the answer", () => fieldList(fieldsOf(schema))),
    folded("Statuses", statuses),
  ];
}

function fieldsOf(schema) {
  const whole = resolved(schema);
  const object = whole.type === "array" ? resolved(whole.items) : whole;
  return Object.entries(object.properties ?? {}).map(([name, property]) => {
    const inner = resolved(property);
    const items = inner.type === "array" ? resolved(inner.items) : inner;
    const type = [items.enum ? items.enum.join(" | ") : items.format ?? [items.type].flat().join(" or "), inner.type === "array" && "list"].filter(Boolean).join(", ");
    return {
      name, type, text: property.description ?? "", required: object.required?.includes(name) && object.additionalProperties === false,
      fields: items.properties && (() => fieldsOf(items)),
    };
  });
}

function resolved(part) {
  if (part?.anyOf) return { ...resolved(part.anyOf.find(({ type }) => type !== "null")) };
  if (!part?.$ref) return part;
  return resolved(part.$ref.split("/").slice(1).reduce((from, key) => from[key], api));
}
