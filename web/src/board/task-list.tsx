import { useState } from "preact/hooks";
import type { Task } from "@tandem/client";
import { navigate } from "../router.ts";
import { narrow } from "../ui/narrow.ts";
import { useKeys } from "../ui/keys.ts";
import { setStatus, TaskRow } from "../ui/task-row.tsx";
import { VirtualList } from "../ui/virtual-list.tsx";
import { useTaskFocus } from "./focus.ts";

/** Heights of a row on wide and on narrow screens; style.css has the same. */
const ROW_PX = 46;
const NARROW_ROW_PX = 76;

export function TaskList({ tasks, showProject }: { tasks: Task[]; showProject: boolean }) {
  const [chosen, setChosen] = useState("");
  const at = tasks.findIndex((task) => task.id === chosen);
  const { container, focus, onFocusIn } = useTaskFocus(setChosen);
  const step = (by: number) => focus(tasks[Math.min(Math.max(at + by, 0), tasks.length - 1)]?.id);
  const withChosen = (action: (task: Task) => void) => () => at >= 0 && action(tasks[at]!);
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    e: withChosen((task) => navigate(`/tasks/${task.id}?edit=1`)),
    x: withChosen((task) => void setStatus(task, task.status === "done" ? "todo" : "done")),
  });
  return (
    <div ref={container} class={`task-list${narrow.value ? " narrow" : ""}`} onFocusIn={onFocusIn}>
      <VirtualList rows={tasks} rowHeight={narrow.value ? NARROW_ROW_PX : ROW_PX} idOf={(task) => task.id} label="Tasks" shown={at}>
        {(task) => <TaskRow task={task} selected={task.id === chosen} showProject={showProject} />}
      </VirtualList>
    </div>
  );
}
