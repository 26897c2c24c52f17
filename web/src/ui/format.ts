// Dates, times and names of values for people, in the language of the browser.
import type { Meeting, Priority, TaskStatus } from "@tandem/client";

export const STATUSES: TaskStatus[] = ["todo", "in_progress", "done", "cancelled"];
export const PRIORITIES: Priority[] = ["low", "medium", "high", "critical"];
const NAMES: Record<string, string> = {
  todo: "To do", in_progress: "In progress", iec_81346: "IEC 81346", ieee_315: "IEEE 315", vector: "by symbol",
};

/** Return an enum value as people read it: `in_progress` → In progress. */
export function label(value: string | null | undefined): string {
  if (!value) return "";
  const text = NAMES[value] ?? value.replaceAll("_", " ");
  return text[0]!.toUpperCase() + text.slice(1);
}

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const moment = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export function date(iso: string | null | undefined): string {
  if (!iso) return "";
  const value = new Date(iso);
  return (value.getFullYear() === new Date().getFullYear() ? day : dayOfYear).format(value);
}

export function time(iso: string | null | undefined): string {
  return iso ? moment.format(new Date(iso)) : "";
}

/** Return the value of a date field for a time: the local day. */
export function dayOf(iso: string | null | undefined): string {
  if (!iso) return "";
  const value = new Date(iso);
  return `${value.getFullYear()}-${String(value.getMonth() + 1).padStart(2, "0")}-${String(value.getDate()).padStart(2, "0")}`;
}

/** Return the end of a local day as a time; null for an empty field. */
export function endOfDay(value: string): string | null {
  return value ? new Date(`${value}T23:59:59`).toISOString() : null;
}

export function isOverdue(task: { due_date: string | null; status: TaskStatus | null }): boolean {
  return !!task.due_date && Date.parse(task.due_date) < Date.now() && isOpen(task);
}

export function isOpen(task: { status: TaskStatus | null }): boolean {
  return task.status === "todo" || task.status === "in_progress";
}

/** Return a place in a recording as 0:26 or 1:02:03. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return (h ? `${h}:${String(m).padStart(2, "0")}` : `${m}`) + `:${String(s).padStart(2, "0")}`;
}

export function progressOf(meeting: Meeting): string {
  if (meeting.live && meeting.status === "queued") return "Recording";
  if (meeting.status !== "processing") return label(meeting.status);
  return `${label(meeting.stage) || "Processing"} ${meeting.progress} %`;
}

export function size(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
