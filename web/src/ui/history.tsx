import { useState } from "preact/hooks";
import type { FieldChange, HistoryEntry } from "@tandem/client";
import { historyOf, type History } from "../api/history.ts";
import { date, label, time } from "./format.ts";
import { useLoad } from "./load.tsx";

/** Fields that people do not look for, because they follow from others or place a card on a board. */
const HIDDEN = new Set(["version", "updated_at", "completed_at", "rank", "id", "created_by", "created_at"]);
const NAMES: Record<string, string> = { assigned_to: "assignee", due_date: "due", project_id: "project" };

/** The changes of a task, the newest first. */
export function HistoryOf({ id, version }: { id: string; version: number }) {
  const [history, setHistory] = useState<History>({ entries: [], names: {}, next: "" });
  useLoad(async () => setHistory(await historyOf("tasks", id)), [id, version]);
  async function more() {
    const next = await historyOf("tasks", id, history.next);
    setHistory({ entries: [...history.entries, ...next.entries], names: { ...history.names, ...next.names }, next: next.next });
  }
  const entries = history.entries.filter((entry) => entry.kind === "created" || shown(entry).length > 0);
  if (!entries.length) return null;
  return (
    <section aria-label="History">
      <h2>History</h2>
      <ol class="history">
        {entries.map((entry) => (
          <li key={entry.version}>
            <strong>{entry.actor_name || "Tandem"}</strong>{" "}
            {entry.kind === "created" ? "created the task" : <Changes entry={entry} names={history.names} />}{" "}
            <span class="muted">{time(entry.occurred_at)}</span>
          </li>
        ))}
      </ol>
      {history.next && <button onClick={more}>Show more</button>}
    </section>
  );
}

function shown(entry: HistoryEntry): FieldChange[] {
  return entry.fields.filter(({ field }) => !HIDDEN.has(field));
}

function Changes({ entry, names }: { entry: HistoryEntry; names: Record<string, string> }) {
  return (
    <>
      {shown(entry).map((change, at) => (
        <span key={change.field}>
          {at > 0 && ", "}
          {NAMES[change.field] ?? label(change.field).toLowerCase()}: <del>{value(change.field, change.before, names)}</del> → <ins>{value(change.field, change.after, names)}</ins>
        </span>
      ))}
    </>
  );
}

const MOST = 120;

function value(field: string, text: string, names: Record<string, string>): string {
  if (!text || text === "[]") return "none";
  if (field === "assigned_to") return names[text] ?? "a user";
  if (field === "project_id") return "a project";
  if (field === "due_date") return date(text);
  if (field === "status" || field === "priority") return label(text);
  if (field === "labels") return (JSON.parse(text) as string[]).join(", ");
  return text.length > MOST ? `${text.slice(0, MOST)} …` : text;
}
