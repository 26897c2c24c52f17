import { signal } from "@preact/signals";
import type { Task } from "@tandem/client";
import { changeTask, Conflict } from "../api/tasks.ts";
import { personName } from "../api/people.ts";
import { tasks as store } from "../live/store.ts";
import { navigate } from "../router.ts";
import { label } from "../ui/format.ts";
import { useKeys } from "../ui/keys.ts";
import { Avatar } from "../ui/people.tsx";
import { DueDate, PriorityMark } from "../ui/task-row.tsx";
import { report, say } from "../ui/toasts.tsx";
import { VirtualList } from "../ui/virtual-list.tsx";
import { changeFor, columnsOf, type Column, type Grouping } from "./columns.ts";
import { drag, startDrag, type Drag } from "./drag.ts";
import { useTaskFocus } from "./focus.ts";

/** Height of a card with the gap below it; style.css has the same. */
const CARD_PX = 88;

/** The card that the keys move, and a sentence for screen readers about the last move. */
const selected = signal("");
const announcement = signal("");

export function Board({ tasks, grouping }: { tasks: Task[]; grouping: Grouping }) {
  const columns = columnsOf(tasks, grouping);
  const { container, focus, onFocusIn } = useTaskFocus((id) => (selected.value = id));

  async function move(task: Task, column: Column, place: number) {
    const change = changeFor(task, column, place, grouping);
    if (!change) return;
    announcement.value = `${task.title}: ${column.title}, place ${Math.min(place, column.tasks.length) + 1}.`;
    try {
      await changeTask(task, change);
    } catch (cause) {
      if (cause instanceof Conflict) say(sentence(task, cause), "problem");
      else report(cause);
    }
  }

  function drop({ id, column: key, place }: Drag) {
    const task = store.get(id);
    const column = columns.find((one) => one.key === key);
    if (task && column) void move(task, column, place);
  }

  function place() {
    const column = columns.findIndex((one) => one.tasks.some((task) => task.id === selected.value));
    return { column, row: column < 0 ? -1 : columns[column]!.tasks.findIndex((task) => task.id === selected.value) };
  }

  function step(by: number) {
    const all = columns.flatMap((column) => column.tasks);
    const at = all.findIndex((task) => task.id === selected.value);
    focus(all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]?.id);
  }

  function beside(by: number) {
    const { column, row } = place();
    for (let at = column + by; columns[at]; at += by) {
      const rows = columns[at]!.tasks;
      if (rows.length) return focus(rows[Math.min(row, rows.length - 1)]!.id);
    }
  }

  function moveBy(columnStep: number, rowStep: number) {
    const { column, row } = place();
    const target = columns[column + columnStep];
    const task = columns[column]?.tasks[row];
    if (!task || !target || row + rowStep < 0) return;
    focus(task.id);
    void move(task, target, columnStep ? target.tasks.length : row + rowStep);
  }

  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    ArrowRight: () => beside(1),
    ArrowLeft: () => beside(-1),
    e: () => selected.value && navigate(`/tasks/${selected.value}?edit=1`),
    "shift+ArrowRight": () => moveBy(1, 0),
    "shift+ArrowLeft": () => moveBy(-1, 0),
    "shift+ArrowDown": () => moveBy(0, 1),
    "shift+ArrowUp": () => moveBy(0, -1),
  });

  return (
    <>
      <div class="board" ref={container} onFocusIn={onFocusIn}>
        {columns.map((column) => (
          <section
            key={column.key}
            class={`column${drag.value?.column === column.key ? " target" : ""}`}
            data-column={column.key}
            aria-label={column.title}
          >
            <h2>{column.title} <span class="count">{column.tasks.length}</span></h2>
            <VirtualList
              rows={column.tasks}
              rowHeight={CARD_PX}
              idOf={(task) => task.id}
              label={column.title}
              shown={column.tasks.findIndex((task) => task.id === selected.value)}
            >
              {(task) => <Card task={task} onDrop={drop} />}
            </VirtualList>
          </section>
        ))}
      </div>
      <Dragged />
      <p class="unseen" role="status">{announcement.value}</p>
    </>
  );
}

function Card({ task, onDrop }: { task: Task; onDrop: (drag: Drag) => void }) {
  const dragged = drag.value?.id === task.id;
  return (
    <a
      class={`card${dragged ? " dragged" : ""}`}
      href={`/tasks/${task.id}`}
      draggable={false}
      data-task={task.id}
      aria-keyshortcuts="Shift+ArrowLeft Shift+ArrowRight"
      onPointerDown={(event) => startDrag(event, task.id, CARD_PX, onDrop)}
      onContextMenu={(event) => drag.value && event.preventDefault()}
    >
      <CardBody task={task} />
    </a>
  );
}

function CardBody({ task }: { task: Task }) {
  return (
    <>
      <span class="card-title">{task.title}</span>
      <span class="facts">
        <PriorityMark task={task} />
        <DueDate task={task} />
        {task.labels[0] && <span class="tag topic">{task.labels[0]}</span>}
        <span class="grow" />
        <Avatar id={task.assigned_to} />
      </span>
    </>
  );
}

function Dragged() {
  const current = drag.value;
  const task = current && store.get(current.id);
  if (!task) return null;
  const style = { width: `${current.width}px`, transform: `translate(${current.x - current.holdX}px, ${current.y - current.holdY}px)` };
  return <div class="card floating" style={style} aria-hidden="true"><CardBody task={task} /></div>;
}

/** Return the sentence about a move that another user's change prevented. */
function sentence(task: Task, { current, fields, author: name }: Conflict): string {
  if (fields.includes("status")) return `${name} moved “${task.title}” to ${label(current.status)} before you did.`;
  if (fields.includes("assigned_to")) return `${name} assigned “${task.title}” to ${personName(current.assigned_to) || "nobody"} before you did.`;
  return `${name} moved “${task.title}” to another place before you did.`;
}
