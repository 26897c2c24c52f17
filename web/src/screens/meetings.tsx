import { useState } from "preact/hooks";
import type { Meeting } from "@tandem/client";
import { loadMeetings } from "../api/lists.ts";
import { meetings } from "../live/store.ts";
import { clock, date, progressOf } from "../ui/format.ts";
import { Loaded, useLoad } from "../ui/load.tsx";
import { DropZone } from "../meeting/drop-zone.tsx";
import { RecordButton } from "../meeting/record.tsx";

export function Meetings() {
  return (
    <>
      <header class="row"><h1>Meetings</h1></header>
      <MeetingsOf project="" />
    </>
  );
}

/** The meetings of a project, or all that the user sees, with the ways to add one. */
export function MeetingsOf({ project }: { project: string }) {
  const isWanted = (meeting: Meeting) => !project || meeting.project_id === project;
  const loading = useLoad(() => loadMeetings(isWanted, project), [project]);
  const [words, setWords] = useState("");
  const rows = meetings.where(isWanted)
    .filter((meeting) => meeting.title.toLowerCase().includes(words.toLowerCase()))
    .sort((a, b) => (b.created_at ?? "").localeCompare(a.created_at ?? ""));
  return (
    <>
      <DropZone project={project}><RecordButton project={project} /></DropZone>
      <Loaded of={loading}>
        <input type="search" class="narrow-input" aria-label="Words in the title" placeholder="Filter" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        {rows.map((meeting) => <MeetingRow key={meeting.id} meeting={meeting} />)}
        {!rows.length && <p class="empty">{words ? "No title has these words." : "No meetings yet. Drop a recording above, or record one."}</p>}
      </Loaded>
    </>
  );
}

function MeetingRow({ meeting }: { meeting: Meeting }) {
  const isActive = meeting.status === "processing" || meeting.status === "queued";
  return (
    <div class="task-row">
      <a class="title" href={`/meetings/${meeting.id}`}>{meeting.title}</a>
      <span class="facts">
        {isActive && meeting.status === "processing" && <progress max={100} value={meeting.progress} aria-label={`Progress of ${meeting.title}`} />}
        <span class={`tag ${meeting.status}`}>{progressOf(meeting)}</span>
        {Number(meeting.duration_ms) > 0 && <span class="muted">{clock(Number(meeting.duration_ms))}</span>}
        <span class="muted">{date(meeting.starts_at ?? meeting.created_at)}</span>
      </span>
    </div>
  );
}
