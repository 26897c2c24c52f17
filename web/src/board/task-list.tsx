import { useState } from "preact/hooks";
import type { Task } from "@tandem/client";
import { navigate } from "../router.ts";
import { narrow } from "../ui/narrow.ts";
import { useKeys } from "../ui/keys.ts";
import { setStatus, TaskRow } from "../ui/task-row.tsx";
import { VirtualList } from "../ui/virtual-list.tsx";
import { BulkBar } from "./bulk.tsx";
import { useTaskFocus } from "./focus.ts";

/** Heights of a row on wide and on narrow screens; style.css has the same. */
const ROW_PX = 46;
const NARROW_ROW_PX = 76;

const NONE: ReadonlyMap<string, string> = new Map();

export function TaskList({ tasks, showProject }: { tasks: Task[]; showProject: boolean }) {
  const [chosen, setChosen] = useState("");
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [failures, setFailures] = useState(NONE);
  const at = tasks.findIndex((task) => task.id === chosen);
  const selected = tasks.filter((task) => picked.has(task.id));
  const { container, focus, onFocusIn } = useTaskFocus(setChosen);
  const step = (by: number) => focus(tasks[Math.min(Math.max(at + by, 0), tasks.length - 1)]?.id);
  const withChosen = (action: (task: Task) => void) => () => at >= 0 && action(tasks[at]!);

  function pick(ids: string[], isPicked: boolean) {
    setPicked((before) => {
      const next = new Set(before);
      for (const id of ids) next[isPicked ? "add" : "delete"](id);
      return next;
    });
    setFailures(NONE);
  }

  /** Select the chosen task and the one beside it, which is chosen then. */
  function extend(by: number) {
    const other = tasks[at + by];
    if (at < 0 || !other) return;
    pick([tasks[at]!.id, other.id], true);
    focus(other.id);
  }

  function clear() {
    setPicked(new Set());
    setFailures(NONE);
  }

  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    "shift+ArrowDown": () => extend(1),
    "shift+ArrowUp": () => extend(-1),
    e: withChosen((task) => navigate(`/tasks/${task.id}?edit=1`)),
    d: withChosen((task) => void setStatus(task, task.status === "done" ? "todo" : "done")),
    x: withChosen((task) => pick([task.id], !picked.has(task.id))),
    "ctrl+a": () => pick(tasks.map(({ id }) => id), true),
    ...(selected.length > 0 && { Escape: clear }),
  });
  return (
    <>
      {selected.length > 0 && <BulkBar tasks={selected} onClear={clear} onFailures={setFailures} />}
      <div ref={container} class={`task-list${narrow.value ? " narrow" : ""}`} onFocusIn={onFocusIn}>
        <VirtualList rows={tasks} rowHeight={narrow.value ? NARROW_ROW_PX : ROW_PX} idOf={(task) => task.id} label="Tasks" shown={at}>
          {(task) => (
            <TaskRow
              task={task}
              selected={task.id === chosen}
              showProject={showProject}
              picked={picked.has(task.id)}
              onPick={(isPicked) => pick([task.id], isPicked)}
              failure={failures.get(task.id)}
            />
          )}
        </VirtualList>
      </div>
    </>
  );
}
