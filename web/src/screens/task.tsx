import { useEffect, useRef, useState } from "preact/hooks";
import { unwrap, type Priority, type Task, type TaskStatus } from "@tandem/client";
import { api } from "../api/session.ts";
import { loadProjects } from "../api/lists.ts";
import { originOf, type Origin } from "../api/origins.ts";
import { mayEdit } from "../api/roles.ts";
import { changeTask, Conflict, deleteTask, type TaskChange } from "../api/tasks.ts";
import { whenOpen } from "../live/feed.ts";
import { projects, tasks } from "../live/store.ts";
import { navigate, query } from "../router.ts";
import { ConflictBox, useEditing, type Editing } from "../ui/edit.tsx";
import { clock, dayOf, endOfDay, label, PRIORITIES, STATUSES, time } from "../ui/format.ts";
import { HistoryOf } from "../ui/history.tsx";
import { Loaded, NotFound, useLoad } from "../ui/load.tsx";
import { Person, PersonPicker } from "../ui/people.tsx";
import { report, say } from "../ui/toasts.tsx";

export function TaskScreen({ id }: { id: string }) {
  const loading = useLoad(async () => {
    await whenOpen();
    const [task] = await Promise.all([unwrap(api.GET("/api/v1/tasks/{id}", { params: { path: { id } } })), loadProjects()]);
    tasks.put(task);
  }, [id]);
  const task = tasks.get(id);
  return <Loaded of={loading}>{task ? <Editor task={task} /> : <NotFound />}</Loaded>;
}

const titleOf = (task: Task) => task.title;
const descriptionOf = (task: Task) => task.description;
const dueOf = (task: Task) => dayOf(task.due_date);
const labelsOf = (task: Task) => task.labels.join(", ");

function Editor({ task }: { task: Task }) {
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => void (query.value.has("edit") && first.current!.focus()), [task.id]);
  const title = useEditing(task, "title", titleOf, (text) => text);
  const description = useEditing(task, "description", descriptionOf, (text) => text);
  const due = useEditing(task, "due_date", dueOf, endOfDay);
  const labels = useEditing(task, "labels", labelsOf, (text) => text.split(",").map((one) => one.trim()).filter(Boolean));

  return (
    <article class="task">
      <h1 class="unseen">{task.title}</h1>
      <p class="muted crumbs">
        {task.project_id ? <a href={`/projects/${task.project_id}`}>{projects.get(task.project_id)?.name ?? "Project"}</a> : <a href="/tasks">Tasks</a>}
        <OriginLine task={task} />
      </p>
      <div class="columns">
        <div>
          <Edited editing={title} name="title" read={titleOf}>
            <input class="big" aria-label="Title" maxLength={200} ref={first} {...inputOf(title)} />
          </Edited>
          <Edited editing={description} name="description" read={descriptionOf}>
            <textarea aria-label="Description" rows={10} placeholder="Description" {...inputOf(description)} />
          </Edited>
          <HistoryOf id={task.id} version={Number(task.version)} />
        </div>
        <aside aria-label="Facts">
          <Choice title="Status" value={task.status!} options={STATUSES} onPick={(status) => change(task, { status: status as TaskStatus })} />
          <PersonPicker label="Assignee" value={task.assigned_to} onPick={(assigned_to) => change(task, { assigned_to })} />
          <Edited editing={due} name="due_date" read={dueOf}>
            <label class="label" for="due">Due</label>
            <input id="due" type="date" {...inputOf(due)} />
          </Edited>
          <Choice title="Priority" value={task.priority!} options={PRIORITIES} onPick={(priority) => change(task, { priority: priority as Priority })} />
          <Edited editing={labels} name="labels" read={labelsOf}>
            <label class="label" for="labels">Labels</label>
            <input id="labels" placeholder="garden, tools" {...inputOf(labels)} />
          </Edited>
          <ProjectChoice task={task} />
          <Details task={task} />
        </aside>
      </div>
    </article>
  );
}

/** Properties of an input that saves when it is left, or on Enter in a line, and reverts on Escape. */
function inputOf(editing: Editing) {
  return {
    value: editing.text,
    "aria-invalid": editing.problem ? true : undefined,
    onInput: (event: { currentTarget: { value: string } }) => editing.type(event.currentTarget.value),
    onBlur: editing.save,
    onKeyDown: (event: KeyboardEvent) => {
      const element = event.currentTarget as HTMLElement;
      if (event.key === "Enter" && (element.tagName === "INPUT" || event.ctrlKey || event.metaKey)) editing.save();
      if (event.key === "Escape") editing.revert();
    },
  };
}

interface EditedProps {
  editing: Editing;
  name: string;
  read: (task: Task) => string;
  children: preact.ComponentChildren;
}

function Edited({ editing, name, read, children }: EditedProps) {
  const { problem } = editing;
  return (
    <div class="field">
      {children}
      {editing.isDirty && !editing.conflict && <small>Not saved yet: Enter or leaving the field saves, Escape reverts.</small>}
      {problem && <small class="error" role="alert">{problem.of(name) || problem.message}</small>}
      <ConflictBox editing={editing} read={read} />
    </div>
  );
}

async function change(task: Task, values: TaskChange): Promise<void> {
  try {
    await changeTask(task, values);
  } catch (cause) {
    if (!(cause instanceof Conflict)) return report(cause);
    say(`${cause.author} changed this field before you did. It shows the other value now.`, "problem");
  }
}

interface ChoiceProps {
  title: string;
  value: string;
  options: string[];
  onPick: (value: string) => void;
}

function Choice({ title, value, options, onPick }: ChoiceProps) {
  const id = `choice-${title}`;
  return (
    <div class="field">
      <label for={id}>{title}</label>
      <select id={id} value={value} onChange={(event) => onPick(event.currentTarget.value)}>
        {options.map((option) => <option key={option} value={option}>{label(option)}</option>)}
      </select>
    </div>
  );
}

function ProjectChoice({ task }: { task: Task }) {
  const choices = projects.where((project) => project.id === task.project_id || mayEdit(project));
  return (
    <div class="field">
      <label for="project">Project</label>
      <select id="project" value={task.project_id} onChange={(event) => change(task, { project_id: event.currentTarget.value })}>
        <option value="">None</option>
        {choices.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
      </select>
    </div>
  );
}

function OriginLine({ task }: { task: Task }) {
  const [origin, setOrigin] = useState<Origin | null>(null);
  useEffect(() => void originOf(task).then(setOrigin, () => undefined), [task.id, task.source]);
  if (!origin) return null;
  const at = origin.ms === null ? "" : `?at=${origin.ms}`;
  return <> · from {origin.ms !== null && `${clock(origin.ms)} of `}<a href={`/meetings/${origin.meeting.id}${at}`}>{origin.meeting.title}</a></>;
}

function Details({ task }: { task: Task }) {
  async function remove() {
    if (!confirm(`Delete “${task.title}”?`)) return;
    try {
      await deleteTask(task);
      navigate("/tasks");
    } catch (cause) {
      report(cause);
    }
  }
  return (
    <details>
      <summary>Details</summary>
      <p class="muted">
        Created {time(task.created_at)} by <Person id={task.created_by} none="a former user" />.
        {task.completed_at && ` Done ${time(task.completed_at)}.`}
      </p>
      <p class="muted">ID <code>{task.id}</code>, version {task.version}</p>
      <button class="danger" onClick={remove}>Delete the task</button>
    </details>
  );
}
