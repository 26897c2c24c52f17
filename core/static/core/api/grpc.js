// The page of the gRPC API, made from the descriptors. Calls are sent by Connect, as JSON, on the HTTP port.
import { copyButton, element, fieldList, folded, labelled, paragraphs } from "./dom.js";
import { quoted, readJson, showSections } from "./explorer.js";
import { block, Outcome, pretty, run } from "./outcome.js";
import { authorization, isOpen } from "./session.js";
import { connectFrame, connectFrames } from "./streams.js";
import { Values } from "./values.js";

const CONNECT = { "Connect-Protocol-Version": "1" };
const MOST_CHARACTERS = 4000;
const api = await readJson(document.body.dataset.document);
const values = new Values(api.example_values, async (path) => readJson(path, await authorization()));
const address = `${location.hostname}:${document.body.dataset.grpcPort}`;

document.getElementById("about").append(...paragraphs([
  "A call that is authenticated has the metadata `authorization: Bearer <access token or API key>`.",
  "Messages are shown in the JSON of proto3: names in camel case, enums by their names, 64-bit integers as texts, bytes in Base64.",
  "A failure has a status code, a message, and details: `google.rpc.ErrorInfo` with the reason, `BadRequest` with the fields, `RetryInfo`.",
  "Streams of requests are not possible from a browser; this page shows the command that sends them.",
].join("\n\n")));
showSections(api.services.map(section));

function section({ name, comment, file, methods }) {
  return {
    id: name, title: name,
    text: comment,
    entries: methods.map((method) => ({
      id: `${name}.${method.name}`, badge: kindOf(method), kind: method.answers_stream ? "stream" : "unary",
      path: method.name, title: firstSentence(method.comment),
      words: `${name}/${method.name} ${method.comment} ${method.http.path}`,
      make: () => panel(name, file, method),
    })),
  };
}

function kindOf({ takes_stream, answers_stream }) {
  if (takes_stream) return answers_stream ? "both streams" : "client stream";
  return answers_stream ? "stream" : "unary";
}

function firstSentence(text) {
  return /^(.+?)[.:;](\s|$)/.exec(text)?.[1] ?? text;
}

function panel(service, file, method) {
  const text = element("textarea", { rows: "6", spellcheck: "false" });
  const missing = element("p", { class: "warning", role: "status" });
  const outcome = new Outcome();
  const lines = element("div", { class: "line" });
  const commands = () => [grpcurl(service, method, text.value), bufCurl(service, method, text.value)];
  const showLines = () => lines.replaceChildren(...commands().map((line, index) => block(line, ["grpcurl", "buf curl"][index])));
  const prefill = async () => {
    const lacking = new Set();
    const messages = await values.fill(method.example, lacking);
    text.value = messages.map((message) => JSON.stringify(message, null, 2)).join("\n");
    text.rows = Math.min(16, text.value.split("\n").length + 1);
    missing.textContent = [...lacking].map((what) => `There is no ${what} yet: create one first.`).join(" ");
    showLines();
  };
  const send = async (event) => {
    event.preventDefault();
    await run(outcome, (signal) => (method.answers_stream ? stream : unary)(service, method, text.value, outcome, signal));
  };
  const rest = element("a", { href: `/api/v1/docs#${service.split(".").pop()}_${method.name}` }, `${method.http.verb} ${method.http.path}`);
  const made = element("form", { class: "call", submit: send, input: showLines },
    labelled(method.input, text, method.takes_stream ? "The messages of the stream, one after the other." : "As JSON."),
    missing,
    element("div", { class: "buttons" },
      method.takes_stream
        ? element("p", { class: "muted" }, "A browser cannot send a stream of requests: use a command below, or ", rest, " over REST.")
        : element("button", {}, "Send"),
      element("button", { type: "button", class: "quiet", click: () => { values.forget(); prefill(); } }, "New values"),
      copyButton("Copy as grpcurl", () => commands()[0]),
      copyButton("Copy as buf curl", () => commands()[1])),
    lines);
  prefill().then(() => (made.dataset.ready = "yes"));
  return [
    paragraphs(method.comment),
    element("p", { class: "muted" }, "Defined in ", element("a", { href: `/api/protos/${file}` }, file), "; over REST ", rest, "."),
    made, outcome.place,
    folded(`Fields of ${method.input}`, () => messageFields(method.input)),
    folded(`Fields of ${method.output}`, () => messageFields(method.output)),
  ];
}

function messageFields(name) {
  return [...paragraphs(api.messages[name].comment), fieldList(fieldsOf(name))].reduce((all, part) => {
    all.append(part);
    return all;
  }, element("div"));
}

function fieldsOf(name) {
  return api.messages[name].fields.map(({ json, type, comment, is, required, oneof }) => {
    const choices = api.enums[type]?.values.map((value) => `\`${value.name}\`${value.comment ? ` ${value.comment}` : ""}`);
    const notes = [is === "one" ? "" : is, oneof ? `one of ${oneof}` : ""].filter(Boolean);
    const isMessage = api.messages[type] && !type.startsWith("google.protobuf.");
    return {
      name: json, type: [type, ...notes].join(", "), required,
      text: [comment, choices && `Values: ${choices.join(" · ")}`].filter(Boolean).join(" "),
      fields: isMessage && (() => fieldsOf(type)),
    };
  });
}

async function unary(service, { name }, text, outcome, signal) {
  const headers = { "Content-Type": "application/json", ...CONNECT, ...(await authorization()) };
  const response = await fetch(`/${service}/${name}`, { method: "POST", headers, body: text, signal });
  const answer = await response.text();
  values.forget();
  const failure = response.ok ? null : JSON.parse(answer);
  outcome.status(failure ? codeOf(failure) : "OK", !failure);
  outcome.headers(response.headers);
  if (failure) showFailure(failure, outcome);
  else outcome.body(pretty(answer), "Answer");
}

async function stream(service, { name }, text, outcome, signal) {
  const headers = { "Content-Type": "application/connect+json", ...CONNECT, ...(await authorization()) };
  const response = await fetch(`/${service}/${name}`, { method: "POST", headers, body: connectFrame(text), signal });
  if (!(response.headers.get("Content-Type") ?? "").startsWith("application/connect")) {
    outcome.status(`HTTP ${response.status}`, false);
    outcome.body(pretty(await response.text()));
    return;
  }
  outcome.status("The stream is open", true);
  outcome.headers(response.headers);
  for await (const { isEnd, text: frame } of connectFrames(response.body)) {
    if (isEnd) showEnd(JSON.parse(frame), outcome);
    else await outcome.event("message", () => shortened(pretty(frame)));
  }
}

function showEnd({ error, metadata }, outcome) {
  outcome.status(error ? codeOf(error) : "OK", !error);
  outcome.headers(Object.entries(metadata ?? {}), "Trailers");
  if (error) showFailure(error, outcome);
}

function codeOf({ code, reason, status }) {
  return (code ?? reason ?? String(status)).toUpperCase();
}

function showFailure(failure, outcome) {
  outcome.note(failure.message ?? failure.detail ?? "", "error");
  for (const { type, debug } of failure.details ?? []) outcome.body(JSON.stringify(debug, null, 2), type);
}

function shortened(text) {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}\n…` : text;
}

function grpcurl(service, { name }, text) {
  const parts = ["grpcurl", ...plain("-plaintext"), ...credentials()];
  return [...parts, "-d", quoted(oneLine(text)), address, `${service}/${name}`].join(" ");
}

function bufCurl(service, { name }, text) {
  const parts = ["buf curl", "--protocol grpc", ...plain("--http2-prior-knowledge"), ...credentials()];
  return [...parts, "-d", quoted(oneLine(text)), `${location.protocol}//${address}/${service}/${name}`].join(" ");
}

function plain(option) {
  return location.protocol === "http:" ? [option] : [];
}

function credentials() {
  return isOpen ? [] : ["-H", '"Authorization: Bearer $TOKEN"'];
}

/** Return the messages without line breaks; both commands read one after the other. */
function oneLine(text) {
  return text.split(/\n(?=\{)/).map((message) => {
    try {
      return JSON.stringify(JSON.parse(message));
    } catch {
      return message;
    }
  }).join(" ");
}
