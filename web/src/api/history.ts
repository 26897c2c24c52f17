// The changes of one task, meeting, document or project, with who made them.
import { unwrap, type HistoryEntry } from "@tandem/client";
import { api } from "./session.ts";

type Collection = "tasks" | "meetings" | "documents" | "projects";

export interface History {
  entries: HistoryEntry[];
  /** Names of the users in the values, by id. */
  names: Record<string, string>;
  next: string;
}

export async function historyOf(collection: Collection, subject_id: string, page_token = ""): Promise<History> {
  const params = { path: { collection, subject_id }, query: { page_size: 50, page_token } };
  const page = await unwrap(api.GET("/api/v1/{collection}/{subject_id}/history", { params }));
  return { entries: page.entries, names: page.names as Record<string, string>, next: page.next_page_token };
}

/** Return the name of the user who changed one of these fields of a task after a version. */
export async function authorOf(taskId: string, version: number, fields: string[]): Promise<string> {
  const { entries } = await historyOf("tasks", taskId).catch(() => ({ entries: [] }));
  const entry = entries.find((one) => Number(one.version) > version && one.fields.some(({ field }) => fields.includes(field)));
  return entry?.actor_name || "Another user";
}
