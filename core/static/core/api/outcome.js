// What came of a call: status, headers, and the body or the events as they arrive.
import { element } from "./dom.js";

const MOST_EVENTS = 500;
const MOST_CHARACTERS = 200_000;
const MOST_BUSY_MS = 8;

export class Outcome {
  constructor() {
    this.place = element("div", { class: "outcome" });
  }

  /** Begin a new call, which the controller ends before its time. */
  begin(controller) {
    this.started = this.paused = performance.now();
    this.signal = controller.signal;
    this.stop = element("button", { type: "button", class: "quiet", click: () => controller.abort() }, "Stop");
    this.state = element("p", { class: "status", role: "status" }, "Waiting for the answer …");
    this.events = null;
    this.count = 0;
    this.waiting = [];
    this.place.dataset.state = "running";
    this.place.replaceChildren(this.state, this.stop);
  }

  status(text, isGood) {
    const milliseconds = Math.round(performance.now() - this.started);
    this.state.className = `status ${isGood ? "good" : "bad"}`;
    this.state.textContent = `${text} · ${milliseconds} ms`;
    this.place.dataset.status = text;
  }

  headers(headers, title = "Headers") {
    const rows = [...headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    if (rows) this.place.append(element("details", {}, element("summary", {}, title), block(rows, title)));
  }

  body(text, title = "Body") {
    if (!text) return;
    const isCut = text.length > MOST_CHARACTERS;
    this.place.append(block(isCut ? `${text.slice(0, MOST_CHARACTERS)}\n…` : text, title));
  }

  file(blob, name) {
    const url = URL.createObjectURL(blob);
    this.place.append(element("p", {}, element("a", { href: url, download: name }, `Save ${name}`), ` (${blob.size.toLocaleString("en")} bytes, ${blob.type})`));
  }

  /**
   * Show an event of a stream with the next frame, below the earlier ones; `text` returns its text. Events can arrive
   * faster than they are drawn: await this, so that the page stays responsive and Stop ends the call at once.
   */
  async event(title, text) {
    this.signal.throwIfAborted();
    if (!this.events) {
      this.counter = element("p", { class: "muted", role: "status" });
      this.events = element("ol", { class: "events", tabindex: "0", "aria-label": "Events" });
      this.place.append(this.counter, this.events);
    }
    this.count += 1;
    this.waiting.push({ time: new Date(), title, text });
    if (this.waiting.length > MOST_EVENTS) this.waiting.shift();
    this.frame ||= requestAnimationFrame(() => this.draw());
    if (performance.now() - this.paused < MOST_BUSY_MS) return;
    await new Promise((resume) => setTimeout(resume));
    this.paused = performance.now();
  }

  /** Draw the events that wait, and remove the oldest. */
  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.waiting.length) return;
    const hidden = Math.max(0, this.count - MOST_EVENTS);
    const shown = this.count === 1 ? "1 event" : `${this.count} events`;
    this.counter.textContent = hidden ? `${shown}; ${hidden} earlier events are not shown` : shown;
    const isAtEnd = this.events.scrollTop + this.events.clientHeight >= this.events.scrollHeight - 40;
    const surplus = this.events.children.length + this.waiting.length - MOST_EVENTS;
    [...this.events.children].slice(0, Math.max(0, surplus)).forEach((old) => old.remove());
    this.events.append(...this.waiting.map(eventElement));
    this.waiting = [];
    if (isAtEnd) this.events.scrollTop = this.events.scrollHeight;
  }

  /** Show why a stream has ended. */
  note(text, kind = "muted") {
    this.place.append(element("p", { class: kind }, text));
  }

  end(state = "done") {
    this.draw();
    this.stop.remove();
    this.place.dataset.state = state;
  }
}

function eventElement({ time, title, text }) {
  const clock = element("span", { class: "muted" }, time.toLocaleTimeString("en-GB"));
  return element("li", {}, clock, " ", element("strong", {}, title), element("pre", {}, text()));
}

export function block(text, label) {
  return element("pre", { tabindex: "0", role: "region", "aria-label": label }, text);
}

export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Run a call, and show its failure if it does not reach the server. */
export async function run(outcome, call) {
  const controller = new AbortController();
  outcome.begin(controller);
  try {
    await call(controller.signal);
    outcome.end();
  } catch (error) {
    const isStopped = controller.signal.aborted;
    if (isStopped) outcome.note("Stopped.");
    else outcome.status(`No answer: ${error.message}`, false);
    outcome.end(isStopped ? "stopped" : "failed");
  }
}
