// A recording with the microphone of this browser, sent while it is made. Parts are kept until the server has stored them.
import { signal } from "@preact/signals";
import { problemOf, unwrap } from "@tandem/client";
import { api } from "../api/session.ts";
import { withTicket } from "../api/lists.ts";
import { say } from "../ui/toasts.tsx";
import { meetings } from "./store.ts";

/** The recording that runs in this page. */
export const recording = signal<{ meetingId: string; since: number; problem: string } | null>(null);

const FORMAT = "audio/webm;codecs=opus";
const PART_MS = 250;
const MAX_PART_BYTES = 64 * 1024;
const AGAIN_MS = 1000;

let recorder: MediaRecorder | null = null;
let socket: WebSocket | null = null;
let parts: { seq: number; data: Uint8Array<ArrayBuffer> }[] = [];
let sent = 0;
let count = 0;
/** Whether the server has accepted the connection, and told which parts it has. */
let isReady = false;
/** Whether the microphone is off and no more parts come. */
let isOver = false;
let isEndSent = false;

export function mayRecord(): boolean {
  return !!navigator.mediaDevices && typeof MediaRecorder !== "undefined" && MediaRecorder.isTypeSupported(FORMAT);
}

/** Create a meeting, and record into it. Returns its id. */
export async function startRecording(title: string, project_id: string): Promise<string> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const stopMicrophone = () => stream.getTracks().forEach((track) => track.stop());
  const body = { title, project_id, starts_at: new Date().toISOString() };
  const meeting = await unwrap(api.POST("/api/v1/meetings", { body })).catch((cause) => {
    stopMicrophone();
    throw cause;
  });
  meetings.put(meeting);
  parts = [];
  sent = count = 0;
  isOver = isEndSent = false;
  recording.value = { meetingId: meeting.id, since: Date.now(), problem: "" };
  recorder = new MediaRecorder(stream, { mimeType: FORMAT });
  let encoding = Promise.resolve();
  recorder.ondataavailable = ({ data }) => {
    encoding = encoding.then(async () => add(new Uint8Array(await data.arrayBuffer())));
  };
  recorder.onstop = () => {
    stopMicrophone();
    void encoding.then(() => {
      isOver = true;
      flush();
    });
  };
  recorder.start(PART_MS);
  addEventListener("beforeunload", warn);
  void connect(meeting.id);
  return meeting.id;
}

export function stopRecording(): void {
  if (recorder?.state === "recording") recorder.stop();
}

function add(data: Uint8Array<ArrayBuffer>): void {
  for (let from = 0; from < data.length; from += MAX_PART_BYTES) {
    parts.push({ seq: ++count, data: data.slice(from, from + MAX_PART_BYTES) });
  }
  flush();
}

/** Connect, and connect again after an interruption, until the recording is stored or refused. */
async function connect(meetingId: string): Promise<void> {
  try {
    const path = await withTicket(`/api/v1/meetings/${meetingId}/audio`);
    if (recording.value?.meetingId === meetingId) listen(meetingId, path);
  } catch (cause) {
    const { status, message } = problemOf(cause);
    if (isRefusal(status)) fail(message);
    else again(meetingId);
  }
}

function again(meetingId: string): void {
  report("No connection. What you say is kept and sent when it is back.");
  setTimeout(() => recording.value?.meetingId === meetingId && void connect(meetingId), AGAIN_MS);
}

/** Whether this status ends the recording; after the others another try makes sense. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && ![401, 408, 429].includes(status);
}

function listen(meetingId: string, path: string): void {
  const address = new URL(path, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const own = new WebSocket(address);
  let problem = "The server ended the recording.";
  socket = own;
  isReady = false;
  own.onopen = () => own.send(JSON.stringify({ config: { format: "webm_opus", interim: true } }));
  own.onmessage = ({ data }) => {
    const message = JSON.parse(data as string);
    if (message.ready) resume(Number(message.ready.stored_seq ?? 0));
    if (message.ack) forget(Number(message.ack.seq ?? message.ack.stored_seq));
    if (message.error) problem = message.error.detail ?? problem;
    if (message.end) finish();
  };
  own.onclose = ({ code }) => {
    if (socket !== own || recording.value?.meetingId !== meetingId) return;
    socket = null;
    if (code === 1000 || isRefusal(code - 4000)) fail(problem);
    else again(meetingId);
  };
}

/** Continue after the last part that is stored. */
function resume(stored: number): void {
  isReady = true;
  isEndSent = false;
  forget(stored);
  sent = parts[0] ? parts[0].seq - 1 : count;
  report("");
  flush();
}

function flush(): void {
  if (!isReady || socket?.readyState !== WebSocket.OPEN) return;
  for (const { seq, data } of parts) {
    if (seq <= sent) continue;
    const frame = new Uint8Array(8 + data.length);
    new DataView(frame.buffer).setBigUint64(0, BigInt(seq));
    frame.set(data, 8);
    socket.send(frame);
    sent = seq;
  }
  if (isOver && !isEndSent) {
    isEndSent = true;
    socket.send(JSON.stringify({ end: {} }));
  }
}

function forget(stored: number): void {
  parts = parts.filter((part) => part.seq > stored);
}

function report(problem: string): void {
  if (recording.value) recording.value = { ...recording.value, problem };
}

/** The server takes no more. If it has all parts, only its answer to the end was lost. */
function fail(problem: string): void {
  const isStored = isEndSent && !parts.length;
  if (!isStored) say(problem, "problem");
  finish();
}

function finish(): void {
  removeEventListener("beforeunload", warn);
  stopRecording();
  recording.value = null;
  socket?.close();
  socket = null;
  parts = [];
}

function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
