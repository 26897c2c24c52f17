import { useState } from "preact/hooks";
import { unwrap, type ActionItem, type Meeting, type Task } from "@tandem/client";
import { api, me } from "../api/session.ts";
import { loadMeetings, loadProjects, loadTasks } from "../api/lists.ts";
import { meetings, tasks } from "../live/store.ts";
import { date, isOpen, isOverdue, progressOf } from "../ui/format.ts";
import { Loaded, useLoad } from "../ui/load.tsx";
import { newTask } from "../ui/new-task.tsx";
import { TaskRow } from "../ui/task-row.tsx";

/** Of so many of the newest meetings the proposed action items are shown. */
const REVIEWED = 10;

const isMine = (task: Task) => isOpen(task) && task.assigned_to === me.value!.id;
const byDue = (a: Task, b: Task) => (a.due_date ?? "9999").localeCompare(b.due_date ?? "9999");
const byNewest = (a: Meeting, b: Meeting) => (b.created_at ?? "").localeCompare(a.created_at ?? "");

export function Today() {
  const loading = useLoad(
    () => Promise.all([
      loadTasks(isMine, { assigned_to: "me", statuses: ["todo", "in_progress"] }),
      loadMeetings(() => true, "", 50),
      loadProjects(),
    ]),
    [],
  );
  const mine = tasks.where(isMine).sort(byDue);
  const overdue = mine.filter(isOverdue);
  const rest = mine.filter((task) => !isOverdue(task));
  return (
    <>
      <header class="row"><h1>Today</h1><button class="primary" onClick={() => newTask()}>New task</button></header>
      <Loaded of={loading}>
        {overdue.length > 0 && <Section title="Overdue" tasks={overdue} />}
        <Section title="Mine" tasks={rest} empty={overdue.length ? "" : "Nothing is assigned to you."} />
        <Review />
      </Loaded>
    </>
  );
}

function Section({ title, tasks: rows, empty }: { title: string; tasks: Task[]; empty?: string }) {
  if (!rows.length && !empty) return null;
  return (
    <section aria-label={title}>
      <h2>{title} {rows.length > 0 && <span class="count">{rows.length}</span>}</h2>
      {rows.map((task) => <TaskRow key={task.id} task={task} showProject />)}
      {!rows.length && <p class="muted">{empty}</p>}
    </section>
  );
}

function Review() {
  const newest = meetings.where((meeting) => meeting.status !== "cancelled").sort(byNewest);
  const active = newest.filter((meeting) => meeting.status === "queued" || meeting.status === "processing" || meeting.status === "failed");
  const completed = newest.filter((meeting) => meeting.status === "completed").slice(0, REVIEWED);
  const [proposed, setProposed] = useState<ActionItem[]>([]);
  const loading = useLoad(async () => {
    const lists = await Promise.all(completed.map(({ id }) => proposals(id)));
    setProposed(lists.flat());
  }, [completed.map(({ id, version }) => id + version).join()]);
  const toReview = completed.filter((meeting) => proposed.some((item) => item.meeting_id === meeting.id));
  return (
    <>
      {active.length > 0 && (
        <section aria-label="In progress">
          <h2>Meetings in progress</h2>
          {active.map((meeting) => <MeetingLine key={meeting.id} meeting={meeting} fact={progressOf(meeting)} />)}
        </section>
      )}
      <section aria-label="Meetings to review">
        <h2>Meetings to review {toReview.length > 0 && <span class="count">{toReview.length}</span>}</h2>
        {loading.done && !toReview.length && <p class="muted">No action item waits for a decision.</p>}
        {toReview.map((meeting) => {
          const items = proposed.filter((item) => item.meeting_id === meeting.id);
          return (
            <div key={meeting.id} class="review">
              <MeetingLine meeting={meeting} fact={`${items.length} proposed`} />
              <ul>
                {items.map((item) => <li key={item.id}><a href={`/meetings/${meeting.id}?item=${item.id}`}>{item.text}</a></li>)}
              </ul>
            </div>
          );
        })}
      </section>
    </>
  );
}

function MeetingLine({ meeting, fact }: { meeting: Meeting; fact: string }) {
  return (
    <p class="line">
      <a href={`/meetings/${meeting.id}`}>{meeting.title}</a>
      <span class="muted">{date(meeting.starts_at ?? meeting.created_at)}</span>
      <span class="tag">{fact}</span>
    </p>
  );
}

async function proposals(meeting_id: string): Promise<ActionItem[]> {
  const params = { path: { meeting_id }, query: { statuses: ["proposed" as const] } };
  return (await unwrap(api.GET("/api/v1/meetings/{meeting_id}/action-items", { params }))).action_items;
}
