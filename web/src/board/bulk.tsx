import { useState } from "preact/hooks";
import type { Task, TaskStatus } from "@tandem/client";
import { changeTasks, type TaskChange } from "../api/tasks.ts";
import { label, STATUSES } from "../ui/format.ts";
import { PersonPicker } from "../ui/people.tsx";
import { report } from "../ui/toasts.tsx";

interface Props {
  /** The tasks that are selected, at least one. */
  tasks: Task[];
  onClear: () => void;
  onFailures: (failures: Map<string, string>) => void;
}

/** Changes of all selected tasks at once. */
export function BulkBar({ tasks, onClear, onFailures }: Props) {
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState("");

  async function change(of: (task: Task) => TaskChange | null) {
    const changes = tasks.flatMap((task) => {
      const values = of(task);
      return values ? [{ ...values, id: task.id, version: Number(task.version) }] : [];
    });
    setBusy(true);
    setResult("");
    try {
      const failures = await changeTasks(changes);
      onFailures(failures);
      setResult(`${changes.length - failures.size} changed${failures.size ? `, ${failures.size} not` : ""}.`);
    } catch (cause) {
      report(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <section class="bulk row" aria-label="Selected tasks" aria-busy={isBusy}>
      <strong>{tasks.length} selected</strong>
      <select aria-label="Status of the selected tasks" value="" onChange={({ currentTarget: field }) => {
        const status = field.value as TaskStatus;
        field.value = "";
        void change(() => ({ status }));
      }}>
        <option value="">Status</option>
        {STATUSES.map((status) => <option key={status} value={status}>{label(status)}</option>)}
      </select>
      <PersonPicker label="Assign to" value={null} onPick={(assigned_to) => void change(() => ({ assigned_to }))} />
      <Labels tasks={tasks} change={change} />
      <button onClick={onClear}>Clear</button>
      <span class="muted" role="status">{isBusy ? "Please wait …" : result}</span>
    </section>
  );
}

/** Add a label to all selected tasks, or remove one that some of them have. */
function Labels({ tasks, change }: { tasks: Task[]; change: (of: (task: Task) => TaskChange | null) => Promise<void> }) {
  const known = [...new Set(tasks.flatMap((task) => task.labels))].sort();

  function add(event: SubmitEvent) {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const name = String(new FormData(form).get("label")).trim();
    if (!name) return;
    form.reset();
    void change(({ labels }) => (labels.includes(name) ? null : { labels: [...labels, name] }));
  }

  return (
    <>
      <form class="row" onSubmit={add}>
        <input name="label" aria-label="Label for the selected tasks" placeholder="Add a label" autocomplete="off" maxLength={50} />
      </form>
      {known.length > 0 && (
        <select aria-label="Label to remove" value="" onChange={({ currentTarget: field }) => {
          const name = field.value;
          field.value = "";
          void change(({ labels }) => (labels.includes(name) ? { labels: labels.filter((one) => one !== name) } : null));
        }}>
          <option value="">Remove a label</option>
          {known.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
      )}
    </>
  );
}
