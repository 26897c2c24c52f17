// The order of tasks.
import type { Task } from "@tandem/client";

/** Compare tasks by their creation, the newest first. */
export function byRank(a: Task, b: Task): number {
  return (b.created_at ?? "").localeCompare(a.created_at ?? "") || a.id.localeCompare(b.id);
}
