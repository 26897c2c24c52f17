import type { Task } from "@tandem/client";
import { personName } from "../api/people.ts";
import { query, setQuery } from "../router.ts";
import { narrow } from "../ui/narrow.ts";
import { isOverdue, label, PRIORITIES, STATUSES } from "../ui/format.ts";

/** Return the tasks that pass the filters in the address. */
export function filtered(tasks: Task[]): Task[] {
  const of = (name: string) => query.value.get(name) ?? "";
  const words = of("q").toLowerCase().split(/\s+/).filter(Boolean);
  return tasks.filter((task) =>
    (!of("assignee") || task.assigned_to === (of("assignee") === "none" ? "" : of("assignee"))) &&
    (!of("priority") || task.priority === of("priority")) &&
    (!of("status") || task.status === of("status")) &&
    (!of("label") || task.labels.includes(of("label"))) &&
    (!of("overdue") || isOverdue(task)) &&
    words.every((word) => `${task.title} ${task.description}`.toLowerCase().includes(word)),
  );
}

export function Filters({ tasks, withStatus }: { tasks: Task[]; withStatus: boolean }) {
  const users = [...new Set(tasks.map((task) => task.assigned_to))].filter(Boolean);
  const labels = [...new Set(tasks.flatMap((task) => task.labels))].sort();
  const options = users.map((id): [string, string] => [id, personName(id) || "…"]).sort((a, b) => a[1].localeCompare(b[1]));
  return (
    <details class="filter-fold" open={!narrow.value || query.value.has("q")}>
      <summary>Filter</summary>
      <div class="filters" role="search" aria-label="Filter tasks">
        <input
          type="search"
          aria-label="Words in title and description"
          placeholder="Filter"
          value={query.value.get("q") ?? ""}
          onInput={(event) => setQuery({ q: event.currentTarget.value })}
        />
        <Choice name="assignee" title="Assignee" options={[["none", "Unassigned"], ...options]} />
        <Choice name="priority" title="Priority" options={PRIORITIES.map((value) => [value, label(value)])} />
        {withStatus && <Choice name="status" title="Status" options={STATUSES.map((value) => [value, label(value)])} />}
        {labels.length > 0 && <Choice name="label" title="Label" options={labels.map((value) => [value, value])} />}
        <label class="check-line">
          <input type="checkbox" checked={query.value.has("overdue")} onChange={(event) => setQuery({ overdue: event.currentTarget.checked ? "1" : "" })} />
          Overdue
        </label>
      </div>
    </details>
  );
}

function Choice({ name, title, options }: { name: string; title: string; options: [string, string][] }) {
  const value = query.value.get(name) ?? "";
  return (
    <select aria-label={title} value={value} class={value ? "chosen" : ""} onChange={(event) => setQuery({ [name]: event.currentTarget.value })}>
      <option value="">{title}: any</option>
      {options.map(([key, text]) => <option key={key} value={key}>{text}</option>)}
    </select>
  );
}
