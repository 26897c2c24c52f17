import { memo } from "preact/compat";
import { useComputed } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem, problemOf, unwrap, type Segment, type Speaker } from "@tandem/client";
import { findSegment } from "../api/segments.ts";
import { api } from "../api/session.ts";
import type { LiveMeeting } from "../live/meeting.ts";
import { clock } from "../ui/format.ts";
import { useUnsavedWarning } from "../ui/unsaved.ts";
import type { Player } from "./player.ts";
import { speakerName } from "./speakers.tsx";
import { wordsOf } from "./words.ts";

/** Words below this confidence are marked. */
const DOUBTFUL = 0.6;
/** Lines are drawn in blocks, when they come near the view. A block has the lines that begin in a span of time: one that is divided moves no other to another block. */
const BLOCK_MS = 20_000;
const NEAR_PX = 1200;
const LINE_PX = 56;

interface Props {
  live: LiveMeeting;
  player: Player;
  segments: Segment[];
  speakers: Speaker[];
  mayEdit: boolean;
}

export function Transcript(props: Props) {
  const { segments, live, player } = props;
  const blocks = Map.groupBy(segments, ({ start_ms }) => Math.floor(Number(start_ms) / BLOCK_MS));
  const current = useComputed(() => currentLine(live.segments.value, player.ms.value)).value;
  return (
    <section class="transcript" aria-label="Transcript">
      <h2>Transcript</h2>
      {[...blocks].map(([key, block]) => <Block key={key} {...props} segments={block} current={block.some(({ id }) => id === current) ? current : ""} />)}
      {live.draft.value && <p class="draft muted" aria-live="off">{live.draft.value} …</p>}
      {!segments.length && !live.draft.value && <p class="muted">No text yet.</p>}
    </section>
  );
}

/** Return the id of the segment that is spoken at this time, or was the last before it. */
function currentLine(segments: Segment[], ms: number): string {
  if (ms <= 0) return "";
  return segments.findLast((segment) => Number(segment.start_ms) <= ms + 50)?.id ?? "";
}

function Block({ current, ...props }: Props & { current: string }) {
  const element = useRef<HTMLDivElement>(null);
  const [isNear, setNear] = useState(false);
  const [editors, setEditors] = useState(0);
  const height = useRef(0);
  useEffect(() => {
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (!entry!.isIntersecting) height.current = element.current!.offsetHeight;
        setNear(entry!.isIntersecting);
      },
      { rootMargin: `${NEAR_PX}px` },
    );
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  // Out of view too, an open editor keeps what was typed, and the line that is played follows the time.
  const isDrawn = isNear || editors > 0 || current !== "";
  const guessed = height.current || props.segments.length * LINE_PX;
  return (
    <div ref={element} class="block" data-first={props.segments[0]!.start_ms} style={isDrawn ? {} : { height: `${guessed}px` }}>
      {isDrawn && props.segments.map((segment) => (
        <Line key={segment.id} {...props} setEditors={setEditors} segment={segment} isCurrent={segment.id === current} speaker={props.speakers.find(({ id }) => id === segment.speaker_id)} place={props.speakers.findIndex(({ id }) => id === segment.speaker_id)} />
      ))}
    </div>
  );
}

interface LineProps extends Props {
  segment: Segment;
  speaker: Speaker | undefined;
  place: number;
  isCurrent: boolean;
  /** Change the number of open editors of the block. */
  setEditors: (change: (count: number) => number) => void;
}

const Line = memo(function Line(props: LineProps) {
  const { segment, speaker, place, isCurrent, player, mayEdit } = props;
  const [isEditing, setEditing] = useState(false);
  return (
    <div class={`line-of${isCurrent ? " current" : ""}`} data-segment={segment.id} aria-current={isCurrent ? "true" : undefined}>
      <button class="plain stamp" aria-label={`Play from ${clock(segment.start_ms)}`} onClick={() => player.play(segment.start_ms)}>{clock(segment.start_ms)}</button>
      <div class="grow">
        <span class={`voice voice-${Math.max(place, 0) % 6}`}>{speakerName(speaker)}</span>
        {isEditing
          ? <LineEditor {...props} onClose={() => setEditing(false)} />
          : <Words segment={segment} player={player} isCurrent={isCurrent} />}
      </div>
      {mayEdit && !isEditing && <button class="plain edit" aria-label={`Correct the text of ${clock(segment.start_ms)}`} onClick={() => setEditing(true)}>Correct</button>}
    </div>
  );
});

function Words({ segment, player, isCurrent }: { segment: Segment; player: Player; isCurrent: boolean }) {
  const words = wordsOf(segment);
  // Only the line that is played follows the time.
  const spoken = isCurrent ? words.findLastIndex((word) => word.start <= player.ms.value + 30) : -1;
  return (
    <p class="words" onClick={(event) => {
      const place = (event.target as HTMLElement).dataset.at;
      if (place) void player.play(words[Number(place)]!.start);
    }}>
      {words.map((word, at) => (
        <span
          key={at}
          data-at={at}
          class={`${word.confidence < DOUBTFUL ? "doubtful" : ""}${at === spoken ? " spoken" : ""}`}
          title={word.confidence < DOUBTFUL ? "Not understood clearly. Click to play it." : undefined}
        >
          {word.text}{" "}
        </span>
      ))}
    </p>
  );
}

function LineEditor({ live, segment, speakers, setEditors, onClose }: LineProps & { onClose: () => void }) {
  const [base, setBase] = useState(segment);
  const [text, setText] = useState(segment.text);
  const [speaker, setSpeaker] = useState(segment.speaker_id);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isStale, setStale] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  useUnsavedWarning(text !== base.text || speaker !== base.speaker_id);
  useEffect(() => {
    field.current!.focus();
    setEditors((count) => count + 1);
    return () => setEditors((count) => count - 1);
  }, []);

  async function save(event: Event) {
    event.preventDefault();
    const params = { path: { meeting_id: live.id, segment_id: segment.id }, header: { "If-Match": `"${base.version}"` } };
    const body = { ...(text !== base.text && { text }), ...(speaker !== base.speaker_id && { speaker_id: speaker }) };
    try {
      if (Object.keys(body).length) live.keep({ segment: await unwrap(api.PATCH("/api/v1/meetings/{meeting_id}/segments/{segment_id}", { params, body })) });
      onClose();
    } catch (cause) {
      const found = problemOf(cause);
      setProblem(found);
      if (found.reason === "STALE") await showNewest().catch((failure) => setProblem(problemOf(failure)));
    }
  }

  /** Show the line as another user corrected it. Only then the next save is based on it. */
  async function showNewest() {
    const newest = await findSegment(live.id, segment.id, segment.transcript_version);
    if (!newest) return;
    live.keep({ segment: newest });
    setText((now) => (now === base.text ? newest.text : now));
    setSpeaker((now) => (now === base.speaker_id ? newest.speaker_id : now));
    setBase(newest);
    setProblem(null);
    setStale(true);
  }

  return (
    <form class="line-editor" onSubmit={save} onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <textarea ref={field} aria-label="Text" rows={3} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      {speakers.length > 0 && (
        <select aria-label="Speaker" value={speaker} onChange={(event) => setSpeaker(event.currentTarget.value)}>
          <option value="">Unknown speaker</option>
          {speakers.map((one) => <option key={one.id} value={one.id}>{speakerName(one)}</option>)}
        </select>
      )}
      {isStale && (
        <p class="conflict" role="alert">
          Another user corrected this line. It is now: {speakerName(speakers.find(({ id }) => id === base.speaker_id)) || "Unknown speaker"}, “{base.text}”. Save again to keep your version.
        </p>
      )}
      {problem && <p class="error" role="alert">{problem.message}</p>}
      <div class="row actions"><button type="button" onClick={onClose}>Cancel</button><button class="primary">Save</button></div>
    </form>
  );
}

