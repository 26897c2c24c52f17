import { loadTasks } from "../api/lists.ts";
import { tasks } from "../live/store.ts";
import { newTask } from "../ui/new-task.tsx";
import { Loaded, useLoad } from "../ui/load.tsx";
import { TaskViews } from "../board/task-views.tsx";

/** All tasks that the user sees, of every project. */
export function Tasks() {
  const loading = useLoad(() => loadTasks(() => true, {}), []);
  return (
    <>
      <header class="row"><h1>Tasks</h1><button class="primary" onClick={() => newTask()}>New task</button></header>
      <Loaded of={loading}><TaskViews tasks={tasks.where(() => true)} /></Loaded>
    </>
  );
}
