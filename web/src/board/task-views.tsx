import type { Task } from "@tandem/client";
import { byRank } from "../api/ranks.ts";
import { query, setQuery } from "../router.ts";
import { newTask } from "../ui/new-task.tsx";
import { Board } from "./board.tsx";
import { Filters, filtered } from "./filters.tsx";
import { TaskList } from "./task-list.tsx";

/** The board or the list of tasks; which one, grouping and filters are in the address. */
export function TaskViews({ tasks, project = "" }: { tasks: Task[]; project?: string }) {
  const view = query.value.get("view") ?? "board";
  const grouping = query.value.get("group") === "assignee" ? "assignee" : "status";
  const shown = filtered(tasks);
  return (
    <>
      <div class="row toolbar">
        <div class="row" role="group" aria-label="View">
          <Toggle name="view" value="board" current={view}>Board</Toggle>
          <Toggle name="view" value="list" current={view}>List</Toggle>
        </div>
        {view === "board" && (
          <div class="row" role="group" aria-label="Columns">
            <Toggle name="group" value="status" current={grouping}>By status</Toggle>
            <Toggle name="group" value="assignee" current={grouping}>By assignee</Toggle>
          </div>
        )}
        <Filters tasks={tasks} withStatus={view === "list"} />
      </div>
      {tasks.length === 0
        ? <div class="empty"><p>There are no tasks yet.</p><button class="primary" onClick={() => newTask(project)}>New task</button></div>
        : shown.length === 0
          ? <p class="empty">No task passes the filters.</p>
          : view === "list"
            ? <TaskList tasks={[...shown].sort(byRank)} showProject={!project} />
            : <Board tasks={shown} grouping={grouping} />}
    </>
  );
}

/** The first value of a name is the default, which the address omits. */
function Toggle({ name, value, current, children }: { name: string; value: string; current: string; children: string }) {
  const isDefault = value === "board" || value === "status";
  return (
    <button class="toggle" aria-pressed={value === current} onClick={() => setQuery({ [name]: isDefault ? "" : value })}>{children}</button>
  );
}
