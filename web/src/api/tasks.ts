// Changes of tasks: at once on the page, then at the server, merged by field with what others changed since.
import { Problem, unwrap, type operations, type Task } from "@tandem/client";
import { tasks } from "../live/store.ts";
import { authorOf } from "./history.ts";
import { api } from "./session.ts";

type Change = NonNullable<operations["TaskService_UpdateTask"]["requestBody"]>["content"]["application/json"];
export type NewTask = NonNullable<operations["TaskService_CreateTask"]["requestBody"]>["content"]["application/json"];
export type TaskChange = Pick<Change, "title" | "description" | "status" | "priority" | "labels" | "assigned_to" | "due_date" | "project_id" | "rank">;

/** The code of an error about a version that is not the newest. */
const ABORTED = 10;

/** Another user changed the same field since it was read. */
export class Conflict extends Error {
  /** `author`: the name of that user. */
  constructor(readonly current: Task, readonly fields: string[], readonly author: string) {
    super("The task was changed since.");
  }
}

/** Return a key for one creation: sent again with it, the task is created once. */
export function newKey(): string {
  return crypto.randomUUID?.() ?? String(Math.random());
}

export async function createTask(task: NewTask, key: string): Promise<Task> {
  const headers = { "Idempotency-Key": key };
  const created = await unwrap(api.POST("/api/v1/tasks", { body: task, headers }));
  tasks.put(created);
  return created;
}

/**
 * Change a task that was read as `base`.
 *
 * Throws Conflict if another user changed one of the fields since; the page then shows the task as it is at the server.
 */
export async function changeTask(base: Task, change: TaskChange): Promise<Task> {
  tasks.put({ ...base, ...(change as Partial<Task>) });
  try {
    return await write(base, base, change);
  } catch (cause) {
    if (!(cause instanceof Conflict)) tasks.put(base);
    throw cause;
  }
}

async function write(base: Task, current: Task, change: TaskChange): Promise<Task> {
  const params = { path: { id: base.id }, header: { "If-Match": `"${current.version}"` } };
  try {
    const changed = await unwrap(api.PATCH("/api/v1/tasks/{id}", { params, body: change }));
    tasks.put(changed);
    return changed;
  } catch (cause) {
    if (!(cause instanceof Problem) || cause.reason !== "STALE") throw cause;
  }
  const latest = await unwrap(api.GET("/api/v1/tasks/{id}", { params: { path: { id: base.id } } }));
  tasks.put(latest);
  const fields = Object.entries(change)
    .filter(([name, value]) => !same(valueOf(latest, name), valueOf(base, name)) && !same(valueOf(latest, name), value))
    .map(([name]) => name);
  if (fields.length) throw new Conflict(latest, fields, await authorOf(base.id, Number(base.version), fields));
  return write(base, latest, change);
}

/** A change of one of many tasks, which was read in this version. */
export type OneOfMany = TaskChange & { id: string; version: number };

/** Change many tasks at once. Returns the sentences about those that were not changed, by id. */
export async function changeTasks(changes: OneOfMany[]): Promise<Map<string, string>> {
  // With the names of the fields, an empty value empties the field.
  const body = changes.map(({ id, version, ...values }) => ({ id, version, ...values, update_mask: { paths: Object.keys(values) } }));
  const answer = await unwrap(api.POST("/api/v1/tasks/bulk-update", { body }));
  tasks.put(...answer.tasks);
  const failures = new Map(answer.errors.map((error) => [
    changes[error.index]!.id,
    error.code === ABORTED ? "Another user changed it first." : error.field_violations[0]?.message ?? error.error_message,
  ]));
  for (const { id } of changes.slice(answer.committed_through)) if (!failures.has(id)) failures.set(id, "It was not reached.");
  return failures;
}

export async function deleteTask(task: Task): Promise<void> {
  await unwrap(api.DELETE("/api/v1/tasks/{id}", { params: { path: { id: task.id } } }));
  tasks.remove(task.id, Number(task.version));
}

function valueOf(task: Task, name: string): unknown {
  return task[name as keyof Task];
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? "") === JSON.stringify(b ?? "");
}
