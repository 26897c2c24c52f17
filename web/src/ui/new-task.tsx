import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { Priority } from "@tandem/client";
import { loadProjects } from "../api/lists.ts";
import { mayEdit } from "../api/roles.ts";
import { createTask, newKey } from "../api/tasks.ts";
import { projects } from "../live/store.ts";
import { Dialog } from "./dialog.tsx";
import { Field, Form } from "./form.tsx";
import { endOfDay, label, PRIORITIES } from "./format.ts";
import { PersonPicker } from "./people.tsx";
import { say } from "./toasts.tsx";

/** The project of the task that is being made; null = the dialog is closed. */
const project = signal<string | null>(null);

export function newTask(of = ""): void {
  project.value = of;
}

export function NewTask() {
  return project.value === null ? null : <NewTaskDialog initial={project.value} />;
}

function NewTaskDialog({ initial }: { initial: string }) {
  const [assignee, setAssignee] = useState("");
  const [key] = useState(newKey);
  useEffect(() => void loadProjects().catch(() => undefined), []);
  const close = () => (project.value = null);
  const choices = projects.where(mayEdit);

  async function create({ title, description, project_id, due_date, priority }: Record<string, string>) {
    const task = await createTask({
      title: title!, description, project_id, due_date: endOfDay(due_date!), priority: priority as Priority, assigned_to: assignee,
    }, key);
    close();
    say(`“${task.title}” is created.`);
  }

  return (
    <Dialog title="New task" onClose={close}>
      <Form submit="Create" fields={["title", "description", "due_date"]} action={create}>
        {(problem) => (
          <>
            <Field label="Title" name="title" maxLength={200} autofocus autocomplete="off" problem={problem} />
            <Field label="Description" name="description" multiline problem={problem} />
            <PersonPicker label="Assignee" value={assignee} none="Me" onPick={setAssignee} />
            <div class="pair">
              <Field label="Due" name="due_date" type="date" problem={problem} />
              <div class="field">
                <label for="new-priority">Priority</label>
                <select id="new-priority" name="priority" defaultValue="medium">
                  {PRIORITIES.map((value) => <option key={value} value={value} selected={value === "medium"}>{label(value)}</option>)}
                </select>
              </div>
            </div>
            <div class="field">
              <label for="new-project">Project</label>
              <select id="new-project" name="project_id">
                <option value="">None</option>
                {choices.map(({ id, name }) => <option key={id} value={id} selected={id === initial}>{name}</option>)}
              </select>
            </div>
          </>
        )}
      </Form>
    </Dialog>
  );
}
