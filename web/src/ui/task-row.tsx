import type { Task } from "@tandem/client";
import { changeTask, Conflict } from "../api/tasks.ts";
import { projects } from "../live/store.ts";
import { date, isOverdue, label } from "./format.ts";
import { Avatar } from "./people.tsx";
import { report, say } from "./toasts.tsx";

/** Change the status of a task. If another user changed it first, the task shows that, and a note has the name. */
export async function setStatus(task: Task, status: NonNullable<Task["status"]>): Promise<void> {
  try {
    await changeTask(task, { status });
  } catch (cause) {
    if (!(cause instanceof Conflict)) return report(cause);
    say(`${cause.author} moved “${task.title}” to ${label(cause.current.status)} before you did.`, "problem");
  }
}

export function DueDate({ task }: { task: Task }) {
  if (!task.due_date) return null;
  const overdue = isOverdue(task);
  return <span class={overdue ? "due overdue" : "due"}>{overdue ? "Overdue, " : ""}{date(task.due_date)}</span>;
}

export function PriorityMark({ task }: { task: Task }) {
  if (!task.priority || task.priority === "medium") return null;
  return <span class={`tag ${task.priority}`}>{label(task.priority)}</span>;
}

interface Props {
  task: Task;
  selected?: boolean;
  showProject?: boolean;
  /** Whether the task is one of those that are changed together; without `onPick` none can be. */
  picked?: boolean;
  onPick?: (isPicked: boolean) => void;
  /** Why the last change of many tasks did not change this one. */
  failure?: string;
}

export function TaskRow({ task, selected, showProject, picked, onPick, failure }: Props) {
  const isDone = task.status === "done";
  return (
    <div class={`task-row${selected ? " selected" : ""}`} data-task={task.id}>
      {onPick && <input type="checkbox" aria-label={`Select ${task.title}`} checked={picked} onChange={(event) => onPick(event.currentTarget.checked)} />}
      <button
        class={`check ${task.status}`}
        aria-label={isDone ? `Reopen ${task.title}` : `Complete ${task.title}`}
        aria-pressed={isDone}
        onClick={() => setStatus(task, isDone ? "todo" : "done")}
      />
      <a class="title" href={`/tasks/${task.id}`}>{task.title}</a>
      {failure && <span class="error failure" role="alert">{failure}</span>}
      <span class="facts">
        {showProject && task.project_id && <span class="muted">{projects.get(task.project_id)?.name}</span>}
        {task.status === "in_progress" && <span class="tag">In progress</span>}
        <PriorityMark task={task} />
        <DueDate task={task} />
        <Avatar id={task.assigned_to} />
      </span>
    </div>
  );
}
