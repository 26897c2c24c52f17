// A recording with the microphone of this browser, sent while it is made. Parts are kept until the server has stored them.
import { signal } from "@preact/signals";
import { unwrap } from "@tandem/client";
import { api } from "../api/session.ts";
import { withTicket } from "../api/lists.ts";
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
let isOver = false;

export function mayRecord(): boolean {
  return !!navigator.mediaDevices && typeof MediaRecorder !== "undefined" && MediaRecorder.isTypeSupported(FORMAT);
}

/** Create a meeting, and record into it. Returns its id. */
export async function startRecording(title: string, project_id: string): Promise<string> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const body = { title, project_id, starts_at: new Date().toISOString() };
  const meeting = await unwrap(api.POST("/api/v1/meetings", { body }));
  meetings.put(meeting);
  parts = [];
  sent = count = 0;
  isOver = false;
  recording.value = { meetingId: meeting.id, since: Date.now(), problem: "" };
  recorder = new MediaRecorder(stream, { mimeType: FORMAT });
  let encoding = Promise.resolve();
  recorder.ondataavailable = ({ data }) => {
    encoding = encoding.then(async () => add(new Uint8Array(await data.arrayBuffer())));
  };
  recorder.onstop = () => {
    for (const track of stream.getTracks()) track.stop();
    void encoding.then(() => {
      isOver = true;
      flush();
    });
  };
  recorder.start(PART_MS);
  await connect(meeting.id);
  addEventListener("beforeunload", warn);
  return meeting.id;
}

export function stopRecording(): void {
  recorder?.stop();
}

function add(data: Uint8Array<ArrayBuffer>): void {
  for (let from = 0; from < data.length; from += MAX_PART_BYTES) {
    parts.push({ seq: ++count, data: data.slice(from, from + MAX_PART_BYTES) });
  }
  flush();
}

async function connect(meetingId: string): Promise<void> {
  const path = await withTicket(`/api/v1/meetings/${meetingId}/audio`);
  const address = new URL(path, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  let isReady = false;
  socket = new WebSocket(address);
  socket.onopen = () => socket!.send(JSON.stringify({ config: { format: "webm_opus", interim: true } }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data as string);
    if (message.ready) {
      isReady = true;
      forget(Number(message.ready.stored_seq ?? 0));
      sent = parts[0] ? parts[0].seq - 1 : count;
      report("");
      flush();
    }
    if (message.ack) forget(Number(message.ack.seq ?? message.ack.stored_seq));
    if (message.error) report(message.error.detail ?? "The recording ended.");
    if (message.end) finish();
  };
  socket.onclose = ({ code }) => {
    socket = null;
    if (!recording.value || recording.value.meetingId !== meetingId) return;
    const isFinal = code === 1000 || (code >= 4400 && code < 4500 && code !== 4401);
    if (isFinal && isReady && code === 1000) return finish();
    if (isFinal) {
      recorder?.state === "recording" && recorder.stop();
      return finish();
    }
    report("No connection. What you say is kept and sent when it is back.");
    setTimeout(() => void connect(meetingId).catch(() => socket?.onclose?.(new CloseEvent("close"))), AGAIN_MS);
  };
}

function flush(): void {
  if (!socket || socket.readyState !== WebSocket.OPEN) return;
  for (const { seq, data } of parts) {
    if (seq <= sent) continue;
    const frame = new Uint8Array(8 + data.length);
    new DataView(frame.buffer).setBigUint64(0, BigInt(seq));
    frame.set(data, 8);
    socket.send(frame);
    sent = seq;
  }
  if (isOver && sent === count) {
    isOver = false;
    socket.send(JSON.stringify({ end: {} }));
  }
}

function forget(stored: number): void {
  parts = parts.filter((part) => part.seq > stored);
}

function report(problem: string): void {
  if (recording.value) recording.value = { ...recording.value, problem };
}

function finish(): void {
  removeEventListener("beforeunload", warn);
  recording.value = null;
  socket?.close();
  parts = [];
}

function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
