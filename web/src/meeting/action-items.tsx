import { useState } from "preact/hooks";
import { problemOf, unwrap, type ActionItem, type Segment } from "@tandem/client";
import { api } from "../api/session.ts";
import type { LiveMeeting } from "../live/meeting.ts";
import { query } from "../router.ts";
import { clock, date, endOfDay } from "../ui/format.ts";
import { Person, PersonPicker } from "../ui/people.tsx";
import type { Player } from "./player.ts";

interface Props {
  live: LiveMeeting;
  player: Player;
  items: ActionItem[];
  segments: Segment[];
}

const ORDER = { proposed: 0, accepted: 1, rejected: 2 };

export function ActionItems({ live, player, items, segments }: Props) {
  if (!items.length) return null;
  const sorted = [...items].sort((a, b) => ORDER[a.status!] - ORDER[b.status!]);
  return (
    <section aria-label="Action items">
      <h2>Action items</h2>
      <ul class="items">
        {sorted.map((item) => <Item key={item.id} item={item} live={live} player={player} segments={segments} />)}
      </ul>
    </section>
  );
}

function Item({ item, live, player, segments }: Omit<Props, "items"> & { item: ActionItem }) {
  return (
    <li class={`item ${item.status}${query.value.get("item") === item.id ? " wanted" : ""}`}>
      <p class="item-text">{item.text}</p>
      <p class="row">
        <Evidence ids={item.segment_ids} segments={segments} player={player} />
        {item.status !== "proposed" && <span class="muted">{item.status === "accepted" ? "Accepted" : "Rejected"} by <Person id={item.decided_by} none="a former user" /></span>}
        {item.task_id && <a href={`/tasks/${item.task_id}`}>Open the task</a>}
      </p>
      {item.status === "proposed" && <Decision item={item} live={live} />}
    </li>
  );
}

/** Buttons that play the sentences on which a statement rests. */
export function Evidence({ ids, segments, player }: { ids: string[]; segments: Segment[]; player: Player }) {
  const found = segments.filter(({ id }) => ids.includes(id));
  return (
    <>
      {found.slice(0, 3).map((segment) => (
        <button key={segment.id} class="evidence" title={segment.text} aria-label={`Play the sentence at ${clock(segment.start_ms)}`} onClick={() => player.play(segment.start_ms)}>
          ▶ {clock(segment.start_ms)}
        </button>
      ))}
    </>
  );
}

function Decision({ item, live }: { item: ActionItem; live: LiveMeeting }) {
  const [assignee, setAssignee] = useState(item.assigned_to);
  const [due, setDue] = useState(item.due_on ?? "");
  const [problem, setProblem] = useState("");
  const params = { path: { meeting_id: live.id, item_id: item.id } };

  async function decide(call: Promise<ActionItem>) {
    setProblem("");
    try {
      live.keep({ item: await call });
    } catch (cause) {
      setProblem(problemOf(cause).message);
    }
  }

  const accept = () => decide(unwrap(api.POST("/api/v1/meetings/{meeting_id}/action-items/{item_id}/accept", {
    params,
    body: { ...(assignee && { assigned_to: assignee }), ...(due && { due_date: endOfDay(due) }) },
  })));
  const reject = () => decide(unwrap(api.POST("/api/v1/meetings/{meeting_id}/action-items/{item_id}/reject", { params })));

  return (
    <div class="decision">
      <PersonPicker label="Assignee" value={assignee} none={item.owner_name ? `Me (heard: ${item.owner_name})` : "Me"} onPick={setAssignee} />
      <div class="field">
        <label for={`due-${item.id}`}>Due {item.due && !item.due_on && <span class="muted">({item.due})</span>}</label>
        <input id={`due-${item.id}`} type="date" value={due} onInput={(event) => setDue(event.currentTarget.value)} />
      </div>
      <div class="row">
        <button class="primary" onClick={accept}>Accept</button>
        <button onClick={reject}>Reject</button>
        {item.due_on && <small>{item.due} = {date(`${item.due_on}T12:00`)}</small>}
      </div>
      {problem && <p class="error" role="alert">{problem}</p>}
    </div>
  );
}
