// One stream of changes for the page. It resumes after its last cursor, so that nothing is missed and nothing comes twice.
import { batch, signal } from "@preact/signals";
import { openEvents, Problem, type Change } from "@tandem/client";
import { learn } from "../api/people.ts";
import { currentToken, renew } from "../api/session.ts";
import { untilHidden, visible } from "./visibility.ts";
import { documents, meetings, projects, tasks } from "./store.ts";

export const connection = signal<"connecting" | "live" | "offline">("connecting");
/** Rises when the stream began without a cursor: what was loaded before may have gaps and is loaded again. */
export const restarts = signal(0);

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** How long a screen waits for the stream before it loads its rows anyway. */
const PATIENCE_MS = 1500;

let stopping: AbortController | null = null;
let opened = deferred();
let isOpened = false;
/** Whether a screen loaded its rows before the stream was open. */
let loadedEarly = false;

export function startFeed(): void {
  stopping = new AbortController();
  void follow(stopping.signal);
}

export function stopFeed(): void {
  stopping?.abort();
  isOpened = loadedEarly = false;
  opened = deferred();
  connection.value = "connecting";
}

/** Wait until the stream is open, so that no change falls between a list and the stream. If that takes long, rows are loaded twice. */
export async function whenOpen(): Promise<void> {
  if (isOpened) return;
  await Promise.race([opened.promise, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  if (!isOpened) loadedEarly = true;
}

async function follow(signal: AbortSignal): Promise<void> {
  let cursor = "";
  let wait = FIRST_WAIT_MS;
  let first = true;
  while (!signal.aborted) {
    await visible();
    if (signal.aborted) return;
    const shown = untilHidden(signal);
    try {
      const token = await currentToken();
      const onOpen = () => {
        wait = FIRST_WAIT_MS;
        connection.value = "live";
        if (!isOpened) markOpened();
        if (!cursor && (!first || loadedEarly)) restarts.value++;
        first = loadedEarly = false;
      };
      const options = { token, lastEventId: cursor, signal: shown, onOpen };
      for await (const event of openEvents("/api/v1/changes/stream?bookmarks=true", options)) {
        if (event.type === "resync") {
          cursor = "";
          break;
        }
        if (event.id) cursor = event.id;
        if (event.data && event.type !== "bookmark") apply(JSON.parse(event.data) as Change);
      }
      wait = Math.min(wait, FIRST_WAIT_MS);
    } catch (cause) {
      if (!(cause instanceof Problem)) throw cause;
      if (cause.status === 401) await renew();
    }
    if (signal.aborted) return;
    if (shown.aborted) continue;
    if (wait > FIRST_WAIT_MS) connection.value = "offline";
    await pause(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

function markOpened(): void {
  isOpened = true;
  opened.resolve();
}

/** Wait, but not longer than until the browser is online or the page is looked at again. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      removeEventListener("visibilitychange", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    addEventListener("visibilitychange", done);
    signal.addEventListener("abort", done);
  });
}

function apply(change: Change): void {
  const version = Number(change.subject_version);
  batch(() => {
    if (change.kind === "deleted") {
      const options = { leftView: change.left_view };
      for (const rows of [tasks, projects, meetings, documents]) rows.remove(change.subject_id, version, options);
    }
    if (change.task) tasks.put(change.task);
    if (change.project) projects.put(change.project);
    if (change.meeting) meetings.put(change.meeting);
    if (change.document) documents.put(change.document);
    if (change.user) learn([change.user]);
  });
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
