import { useEffect, useState } from "preact/hooks";
import type { Meeting } from "@tandem/client";
import { findMeetings, loadMeetings, MAX_MEETINGS } from "../api/lists.ts";
import { meetings } from "../live/store.ts";
import { clock, date, progressOf } from "../ui/format.ts";
import { Loaded, useLoad } from "../ui/load.tsx";
import { DropZone } from "../meeting/drop-zone.tsx";
import { RecordButton } from "../meeting/record.tsx";
import { report } from "../ui/toasts.tsx";

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
  const found = useFound(words.trim(), project);
  const known = meetings.where(isWanted);
  const rows = known
    .filter(({ id, title }) => title.toLowerCase().includes(words.trim().toLowerCase()) || found?.includes(id))
    .sort((a, b) => (b.created_at ?? "").localeCompare(a.created_at ?? ""))
    .slice(0, MAX_MEETINGS);
  return (
    <>
      <DropZone project={project}><RecordButton project={project} /></DropZone>
      <Loaded of={loading}>
        <input type="search" class="narrow-input" aria-label="Words in the title" placeholder="Filter" maxLength={200} value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        {rows.map((meeting) => <MeetingRow key={meeting.id} meeting={meeting} />)}
        {!words && known.length >= MAX_MEETINGS && <p class="muted">The newest {MAX_MEETINGS} are shown. The filter finds older ones too.</p>}
        {!rows.length && <p class="empty">{words.trim() ? found ? "No title has these words." : "Searching …" : "No meetings yet. Drop a recording above, or record one."}</p>}
      </Loaded>
    </>
  );
}

/** Return the ids of the meetings that the server finds by these words; null until it answers. */
function useFound(words: string, project: string): string[] | null {
  const [found, setFound] = useState<{ for: string; ids: string[] }>({ for: "", ids: [] });
  useEffect(() => {
    if (!words) return;
    let isLatest = true;
    const timer = setTimeout(async () => {
      const ids = await findMeetings(words, project).catch((cause) => (report(cause), []));
      if (isLatest) setFound({ for: words, ids });
    }, 200);
    return () => {
      isLatest = false;
      clearTimeout(timer);
    };
  }, [words, project]);
  return found.for === words ? found.ids : null;
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
