import { useEffect, useMemo, useRef } from "preact/hooks";
import { unwrap, type Meeting, type Segment, type Statement } from "@tandem/client";
import { withTicket } from "../api/lists.ts";
import { mayChangeMeeting } from "../api/roles.ts";
import { api } from "../api/session.ts";
import { LiveMeeting } from "../live/meeting.ts";
import { meetings } from "../live/store.ts";
import { ActionItems, Evidence } from "../meeting/action-items.tsx";
import { Lanes } from "../meeting/lanes.tsx";
import { Player } from "../meeting/player.ts";
import { Speakers } from "../meeting/speakers.tsx";
import { Transcript } from "../meeting/transcript.tsx";
import { navigate, query } from "../router.ts";
import { date, label, progressOf, size, time } from "../ui/format.ts";
import { useKeys } from "../ui/keys.ts";
import { Loaded, NotFound, useLoad } from "../ui/load.tsx";
import { Person } from "../ui/people.tsx";
import { report, say } from "../ui/toasts.tsx";

export function MeetingScreen({ id }: { id: string }) {
  const loading = useLoad(async () => meetings.put(await unwrap(api.GET("/api/v1/meetings/{meeting_id}", { params: { path: { meeting_id: id } } }))), [id]);
  const meeting = meetings.get(id);
  return <Loaded of={loading}>{meeting ? <Live meeting={meeting} /> : <NotFound />}</Loaded>;
}

function Live({ meeting }: { meeting: Meeting }) {
  const live = useMemo(() => new LiveMeeting(meeting.id), [meeting.id]);
  const player = useMemo(() => new Player(meeting.id), [meeting.id]);
  useEffect(() => () => {
    live.stop();
    player.stop();
  }, [live]);
  useKeys({ " ": () => player.toggle() });
  usePlaceInAddress(live, player);
  const shown = <T extends { transcript_version: number }>(rows: T[]) => rows.filter((row) => row.transcript_version === shownVersion(meeting, live));
  const segments = shown(live.segments.value);
  const speakers = shown(live.speakers.value);
  if (live.problem.value) return <NotFound />;
  return (
    <article class="meeting">
      <header class="row">
        <h1>{meeting.title}</h1>
        <span class={`tag ${meeting.status}`}>{progressOf(meeting)}</span>
        <Exports meeting={meeting} />
      </header>
      <p class="muted">
        {time(meeting.starts_at ?? meeting.created_at)} · <Person id={meeting.owner} none="a former user" />
        {meeting.participants.filter((id) => id !== meeting.owner).map((id) => <span key={id}>, <Person id={id} /></span>)}
      </p>
      <State meeting={meeting} />
      {meeting.recording && !meeting.recording.deleted_at && <Lanes meeting={meeting} player={player} segments={segments} speakers={speakers} />}
      <div class="columns">
        <Transcript live={live} player={player} segments={segments} speakers={speakers} mayEdit={mayChangeMeeting(meeting)} />
        <aside aria-label="Results">
          <ActionItems live={live} player={player} items={shown(live.items.value)} segments={segments} />
          <SummaryOf live={live} player={player} segments={segments} />
          <Speakers live={live} speakers={speakers} />
          <Details meeting={meeting} />
        </aside>
      </div>
    </article>
  );
}

/** The version that the meeting names, or the newest one while that has no text. */
function shownVersion(meeting: Meeting, live: LiveMeeting): number {
  const versions = live.segments.value.map((segment) => segment.transcript_version);
  return versions.includes(meeting.transcript_version) ? meeting.transcript_version : Math.max(meeting.transcript_version, ...versions);
}

/** Show the place of `?at=` once the segments are there. */
function usePlaceInAddress(live: LiveMeeting, player: Player): void {
  const done = useRef(false);
  const at = Number(query.value.get("at") ?? NaN);
  const isLoaded = live.isLoaded.value;
  useEffect(() => {
    if (done.current || !isLoaded || Number.isNaN(at)) return;
    done.current = true;
    player.seek(at);
    const blocks = [...document.querySelectorAll<HTMLElement>(".block")];
    blocks.findLast((block) => Number(block.dataset.first) <= at)?.scrollIntoView();
    setTimeout(() => document.querySelector(".line-of.current")?.scrollIntoView({ block: "center" }), 300);
  }, [isLoaded, at]);
}

function State({ meeting }: { meeting: Meeting }) {
  const isActive = meeting.status === "processing" || meeting.status === "queued";
  async function cancel() {
    const params = { path: { meeting_id: meeting.id } };
    await unwrap(api.POST("/api/v1/meetings/{meeting_id}/cancel", { params })).then((now) => meetings.put(now), report);
  }
  return (
    <>
      {isActive && (
        <p class="row" role="status">
          <progress max={100} value={meeting.status === "processing" ? meeting.progress : undefined} aria-label="Progress" />
          <span>{progressOf(meeting)}{meeting.estimated_end_at && `, ready at about ${time(meeting.estimated_end_at)}`}</span>
          {!meeting.live && <button onClick={cancel}>Cancel</button>}
        </p>
      )}
      {meeting.failure_reason && <p class="error" role="alert">{meeting.failure_reason}</p>}
      {meeting.notice && <p class="note">{meeting.notice}</p>}
      {meeting.missing.map((missing) => <p key={missing.stage} class="note">{label(missing.stage)}: {missing.reason}</p>)}
    </>
  );
}

function SummaryOf({ live, player, segments }: { live: LiveMeeting; player: Player; segments: Segment[] }) {
  const summary = live.summary.value;
  if (!summary) return null;
  const part = (title: string, statements: Statement[]) => statements.length > 0 && (
    <>
      <h3>{title}</h3>
      <ul>
        {statements.map((statement, at) => (
          <li key={at}>{statement.text} <Evidence ids={statement.segment_ids.slice(0, 1)} segments={segments} player={player} /></li>
        ))}
      </ul>
    </>
  );
  return (
    <section aria-label="Summary">
      <h2>Summary</h2>
      {part("Overview", summary.overview)}
      {part("Decisions", summary.decisions)}
      {part("Topics", summary.topics)}
    </section>
  );
}

const FORMATS = [["md", "Document"], ["vtt", "Subtitles (vtt)"], ["srt", "Subtitles (srt)"], ["json", "Data (json)"]] as const;

function Exports({ meeting }: { meeting: Meeting }) {
  async function download(path: string) {
    try {
      const link = document.createElement("a");
      link.href = await withTicket(path);
      link.download = "";
      link.click();
    } catch (cause) {
      report(cause);
    }
  }
  const base = `/api/v1/meetings/${meeting.id}`;
  return (
    <select aria-label="Export" class="exports" value="" onChange={(event) => { void download(event.currentTarget.value); event.currentTarget.value = ""; }}>
      <option value="">Export</option>
      {FORMATS.map(([format, name]) => <option key={format} value={`${base}/transcript.${format}`}>{name}</option>)}
      {meeting.recording && !meeting.recording.deleted_at && <option value={`${base}/recording`}>Recording</option>}
    </select>
  );
}

function Details({ meeting }: { meeting: Meeting }) {
  const params = { path: { meeting_id: meeting.id } };
  if (!mayChangeMeeting(meeting)) return null;

  async function rename(event: SubmitEvent) {
    event.preventDefault();
    const title = String(new FormData(event.currentTarget as HTMLFormElement).get("title"));
    await unwrap(api.PATCH("/api/v1/meetings/{meeting_id}", { params, body: { title } })).then((now) => meetings.put(now), report);
  }
  async function again() {
    const path = "/api/v1/meetings/{meeting_id}/retranscribe";
    await unwrap(api.POST(path, { params, body: {} })).then((now) => { meetings.put(now); say("The recording is transcribed again."); }, report);
  }
  async function remove() {
    if (!confirm(`Delete “${meeting.title}” with its recording and all results?`)) return;
    await unwrap(api.DELETE("/api/v1/meetings/{meeting_id}", { params })).then(() => navigate("/meetings"), report);
  }

  return (
    <details>
      <summary>Details</summary>
      <form class="row" onSubmit={rename}>
        <input name="title" aria-label="Title" defaultValue={meeting.title} class="grow" />
        <button>Rename</button>
      </form>
      {meeting.recording && <p class="muted">{meeting.recording.filename}, {size(Number(meeting.recording.size))}, uploaded {date(meeting.recording.uploaded_at)}</p>}
      <p class="muted">ID <code>{meeting.id}</code></p>
      <p class="row">
        {meeting.recording && <button onClick={again}>Transcribe again</button>}
        <button class="danger" onClick={remove}>Delete the meeting</button>
      </p>
    </details>
  );
}
