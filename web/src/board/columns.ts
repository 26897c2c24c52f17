// How tasks are divided into the columns of a board, and what a move to another place writes.
import type { Task, TaskStatus } from "@tandem/client";
import type { TaskChange } from "../api/tasks.ts";
import { personName } from "../api/people.ts";
import { byRank, rankBetween } from "../api/ranks.ts";
import { isOpen, label, STATUSES } from "../ui/format.ts";

export interface Column {
  /** A status, or the id of a user. */
  key: string;
  title: string;
  tasks: Task[];
}

export type Grouping = "status" | "assignee";

/** The key of the column of tasks that are assigned to no user. */
const UNASSIGNED = "-";

export function columnsOf(tasks: Task[], grouping: Grouping): Column[] {
  const sorted = [...tasks].sort(byRank);
  if (grouping === "status") {
    return STATUSES.map((key) => ({ key, title: label(key), tasks: sorted.filter((task) => task.status === key) }));
  }
  const open = sorted.filter(isOpen);
  const users = [...new Set(open.map((task) => task.assigned_to))].filter(Boolean);
  const columns = users.map((key) => ({ key, title: personName(key), tasks: open.filter((task) => task.assigned_to === key) }));
  columns.sort((a, b) => a.title.localeCompare(b.title));
  return [{ key: UNASSIGNED, title: "Unassigned", tasks: open.filter((task) => !task.assigned_to) }, ...columns];
}

/** Return what the task gets at this place of a column; null if nothing changes. */
export function changeFor(task: Task, column: Column, place: number, grouping: Grouping): TaskChange | null {
  const others = column.tasks.filter((other) => other.id !== task.id);
  const isSame = column.tasks.some((other) => other.id === task.id);
  if (isSame && column.tasks.indexOf(task) === Math.min(place, others.length)) return null;
  const before = others[place - 1]?.rank ?? (place > 0 ? others.at(-1)?.rank : undefined) ?? "";
  const after = others[place]?.rank ?? "";
  // Equal ranks leave no room between them.
  const rank = after && before >= after ? undefined : rankBetween(before, after);
  if (isSame) return rank ? { rank } : null;
  const value = grouping === "status" ? { status: column.key as TaskStatus } : { assigned_to: column.key === UNASSIGNED ? "" : column.key };
  return rank ? { ...value, rank } : value;
}
