import { Problem, problemOf } from "./problem.ts";

export interface ServerEvent {
  /** The cursor; empty for an event of the initial state. */
  id: string;
  type: string;
  data: string;
}

export interface EventOptions {
  token?: string | null;
  /** The cursor after which the stream continues. */
  lastEventId?: string;
  signal?: AbortSignal;
  /** Called as soon as the server has accepted the stream. */
  onOpen?: () => void;
}

/** Beyond the server's heartbeat of 15 seconds a silent connection is broken. */
const SILENCE_MS = 40_000;

/**
 * Yield the events of one connection until the server ends it. A caller that continues opens another one with the last
 * cursor; see docs/integrate/streams.md.
 */
export async function* openEvents(url: string, options: EventOptions = {}): AsyncGenerator<ServerEvent> {
  const aborter = new AbortController();
  const abort = () => aborter.abort();
  if (options.signal?.aborted) return;
  options.signal?.addEventListener("abort", abort);
  let watchdog = setTimeout(abort, SILENCE_MS);
  try {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (options.token) headers.Authorization = `Bearer ${options.token}`;
    if (options.lastEventId) headers["Last-Event-ID"] = options.lastEventId;
    const response = await fetch(url, { headers, signal: aborter.signal, cache: "no-store" });
    if (!response.ok || !response.body) throw problemOf(await response.json().catch(() => undefined), response);
    options.onOpen?.();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(watchdog);
      watchdog = setTimeout(abort, SILENCE_MS);
      const frames = (rest + value).split("\n\n");
      rest = frames.pop()!;
      for (const frame of frames) {
        const event = parsed(frame);
        if (event) yield event;
      }
    }
  } catch (cause) {
    if (options.signal?.aborted) return;
    throw cause instanceof Problem ? cause : problemOf(undefined);
  } finally {
    clearTimeout(watchdog);
    options.signal?.removeEventListener("abort", abort);
    aborter.abort();
  }
}

function parsed(frame: string): ServerEvent | null {
  const event: ServerEvent = { id: "", type: "message", data: "" };
  for (const line of frame.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    const field = line.slice(0, colon);
    if (field === "event") event.type = value;
    else if (field === "id") event.id = value;
    else if (field === "data") event.data += value;
  }
  return event.data || event.type === "bookmark" ? event : null;
}
