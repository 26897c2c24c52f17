// Where a task comes from: a sentence of a meeting.
import { unwrap, type Meeting, type Task } from "@tandem/client";
import { findSegment } from "./segments.ts";
import { api } from "./session.ts";

export interface Origin {
  meeting: Meeting;
  /** When the sentence begins, in milliseconds; null if it is not known. */
  ms: number | null;
}

export async function originOf(task: Task): Promise<Origin | null> {
  const [kind, meeting_id] = task.source.split("/");
  if (kind !== "meetings" || !meeting_id) return null;
  const path = { meeting_id };
  const meeting = await unwrap(api.GET("/api/v1/meetings/{meeting_id}", { params: { path } }));
  const items = await unwrap(api.GET("/api/v1/meetings/{meeting_id}/action-items", { params: { path, query: { statuses: ["accepted"] } } }));
  const sentence = items.action_items.find((item) => item.task_id === task.id)?.segment_ids[0];
  const segment = sentence ? await findSegment(meeting_id, sentence) : null;
  return { meeting, ms: segment ? Number(segment.start_ms) : null };
}
