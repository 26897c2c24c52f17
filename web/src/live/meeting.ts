// One meeting with everything that belongs to it, live: segments, speakers, summary, action items.
import { batch, signal, type Signal } from "@preact/signals";
import { openEvents, Problem, type ActionItem, type MeetingEvent, type Segment, type Speaker, type Summary } from "@tandem/client";
import { currentToken, renew } from "../api/session.ts";
import { meetings } from "./store.ts";
import { untilHidden, visible } from "./visibility.ts";

const AGAIN_MS = 1500;

interface Part {
  id: string;
  version: number;
  transcript_version: number;
}

export class LiveMeeting {
  readonly segments = signal<Segment[]>([]);
  readonly speakers = signal<Speaker[]>([]);
  readonly items = signal<ActionItem[]>([]);
  readonly summary = signal<Summary | null>(null);
  readonly draft = signal("");
  readonly problem = signal<Problem | null>(null);
  readonly isLoaded = signal(false);
  private cursor = "";
  private readonly stopping = new AbortController();

  constructor(readonly id: string) {
    void this.follow();
  }

  stop(): void {
    this.stopping.abort();
  }

  /** Keep an answer of the server, which is a part of the meeting. */
  keep(part: { segment?: Segment; speaker?: Speaker; item?: ActionItem }): void {
    if (part.segment) put(this.segments, part.segment, (a, b) => Number(a.start_ms) - Number(b.start_ms));
    if (part.speaker) put(this.speakers, part.speaker, (a, b) => a.label.localeCompare(b.label));
    if (part.item) put(this.items, part.item, () => 0);
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await visible();
      if (signal.aborted) return;
      const shown = untilHidden(signal);
      try {
        const options = { token: await currentToken(), lastEventId: this.cursor, signal: shown };
        let ended = false;
        for await (const event of openEvents(`/api/v1/meetings/${this.id}/stream?bookmarks=true`, options)) {
          if (event.type === "resync") {
            this.forgetAll();
            break;
          }
          if (event.id) this.cursor = event.id;
          if (event.data) this.apply(JSON.parse(event.data) as MeetingEvent);
          if (event.type === "bookmark") this.isLoaded.value = true;
          if (event.type === "end") {
            ended = true;
            break;
          }
        }
        if (ended) {
          this.isLoaded.value = true;
          await this.nextChange();
          continue;
        }
      } catch (cause) {
        if (!(cause instanceof Problem)) throw cause;
        if (cause.status === 401) await renew();
        if (cause.status === 404 || cause.status === 403) {
          this.problem.value = cause;
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  /** The stream of a finished meeting ends. Wait until the feed has a newer meeting, or the page is looked at again. */
  private nextChange(): Promise<void> {
    const version = Number(meetings.get(this.id)?.version);
    return new Promise((resolve) => {
      const done = () => {
        unsubscribe();
        removeEventListener("focus", done);
        resolve();
      };
      const unsubscribe = meetings.revision.subscribe(() => {
        if (Number(meetings.get(this.id)?.version) > version) setTimeout(done);
      });
      addEventListener("focus", done);
      this.stopping.signal.addEventListener("abort", done);
    });
  }

  private apply(event: MeetingEvent): void {
    batch(() => {
      const meeting = event.status ?? event.end;
      if (meeting) meetings.put(meeting);
      if (event.progress) this.applyProgress(event.progress);
      if (event.deleted) return this.remove(event);
      if (event.segment) this.draft.value = "";
      this.keep({ segment: event.segment ?? undefined, speaker: event.speaker ?? undefined, item: event.action_item ?? undefined });
      if (event.summary) this.summary.value = event.summary;
      if (event.draft) this.draft.value = event.draft.text;
      if (event.end) this.draft.value = "";
    });
  }

  private applyProgress({ progress, stage, estimated_end_at, version }: NonNullable<MeetingEvent["progress"]>): void {
    const known = meetings.get(this.id);
    if (known) meetings.put({ ...known, progress, stage, estimated_end_at, version, status: "processing" });
  }

  private remove(event: MeetingEvent): void {
    const gone = (rows: Signal<Part[]>, part: Part) => (rows.value = rows.value.filter(({ id }) => id !== part.id));
    if (event.segment) gone(this.segments, event.segment);
    if (event.speaker) gone(this.speakers, event.speaker);
    if (event.action_item) gone(this.items, event.action_item);
    if (event.summary) this.summary.value = null;
  }

  private forgetAll(): void {
    this.cursor = "";
    this.segments.value = [];
    this.speakers.value = [];
    this.items.value = [];
    this.summary.value = null;
  }
}

/** Keep the newest version of a part, in order. */
function put<T extends Part>(rows: Signal<T[]>, row: T, order: (a: T, b: T) => number): void {
  const place = rows.value.findIndex(({ id }) => id === row.id);
  if (place >= 0 && Number(rows.value[place]!.version) > Number(row.version)) return;
  const next = place >= 0 ? rows.value.with(place, row) : [...rows.value, row];
  rows.value = next.sort(order);
}
