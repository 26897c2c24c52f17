import { useEffect, useRef, useState } from "preact/hooks";
import { unwrap, type Meeting, type Segment, type Speaker } from "@tandem/client";
import { api } from "../api/session.ts";
import { clock } from "../ui/format.ts";
import { Icon } from "../ui/icons.tsx";
import type { Player } from "./player.ts";
import { speakerName } from "./speakers.tsx";

const WAVE_PX = 44;
const LANE_PX = 12;
const PEAKS = 600;
const RATES = [0.75, 1, 1.25, 1.5, 2];

interface Props {
  meeting: Meeting;
  player: Player;
  segments: Segment[];
  speakers: Speaker[];
}

/** The player: the waveform, below it a lane for each speaker. */
export function Lanes({ meeting, player, segments, speakers }: Props) {
  const duration = Number(meeting.duration_ms) || Number(segments.at(-1)?.end_ms ?? 0);
  const peaks = usePeaks(meeting);
  return (
    <section class="player" aria-label="Player">
      <div class="row">
        <button class="primary round" aria-label={player.isPlaying.value ? "Pause" : "Play"} aria-keyshortcuts="Space" onClick={() => player.toggle()}>
          {player.isPlaying.value ? "❚❚" : <Icon name="play" />}
        </button>
        <span class="time">{clock(player.ms.value)} / {clock(duration)}</span>
        <span class="grow" />
        <select aria-label="Speed" onChange={(event) => player.setRate(Number(event.currentTarget.value))}>
          {RATES.map((rate) => <option key={rate} value={rate} selected={rate === 1}>{rate} ×</option>)}
        </select>
      </div>
      <div class="lanes">
        <Drawing peaks={peaks} duration={duration} segments={segments} speakers={speakers} />
        <div class="cursor" style={{ left: `${duration ? Math.min(100, (player.ms.value / duration) * 100) : 0}%` }} />
        <input
          type="range"
          aria-label="Position"
          aria-valuetext={clock(player.ms.value)}
          min={0}
          max={duration}
          step={1000}
          value={player.ms.value}
          onInput={(event) => player.seek(Number(event.currentTarget.value))}
        />
      </div>
      {speakers.length > 0 && (
        <p class="legend">{speakers.map((speaker, at) => <span key={speaker.id} class={`voice voice-${at % 6}`}>{speakerName(speaker)}</span>)}</p>
      )}
      {player.problem.value && <p class="error" role="alert">{player.problem.value}</p>}
    </section>
  );
}

function usePeaks(meeting: Meeting): number[] {
  const [peaks, setPeaks] = useState<number[]>([]);
  const params = { path: { meeting_id: meeting.id }, query: { max_peaks: PEAKS } };
  useEffect(() => {
    if (!meeting.recording) return;
    unwrap(api.GET("/api/v1/meetings/{meeting_id}/waveform", { params })).then((found) => setPeaks(found.peaks), () => undefined);
  }, [meeting.id, meeting.status, meeting.stage]);
  return peaks;
}

function Drawing({ peaks, duration, segments, speakers }: { peaks: number[]; duration: number; segments: Segment[]; speakers: Speaker[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const height = WAVE_PX + LANE_PX * Math.max(speakers.length, 1);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(canvas.current?.clientWidth ?? 0));
    observer.observe(canvas.current!);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => setWidth((now) => now + 0.001);
    scheme.addEventListener("change", redraw);
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", redraw);
    };
  }, []);
  useEffect(() => {
    const element = canvas.current!;
    const scale = devicePixelRatio || 1;
    element.width = Math.round(width * scale);
    element.height = height * scale;
    const pen = element.getContext("2d")!;
    pen.scale(scale, scale);
    const colour = (name: string) => {
      pen.fillStyle = getComputedStyle(element).getPropertyValue(name);
    };
    element.style.setProperty("color", "var(--muted)");
    pen.fillStyle = getComputedStyle(element).color;
    for (const [at, peak] of peaks.entries()) {
      const size = Math.max(1, (peak / 255) * WAVE_PX);
      pen.fillRect((at / peaks.length) * width, (WAVE_PX - size) / 2, Math.max(1, width / peaks.length - 0.5), size);
    }
    for (const segment of segments) {
      const lane = speakers.findIndex((speaker) => speaker.id === segment.speaker_id);
      colour(`--voice-${Math.max(lane, 0) % 6}`);
      const [start, end] = [Number(segment.start_ms), Number(segment.end_ms)];
      pen.fillRect((start / duration) * width, WAVE_PX + Math.max(lane, 0) * LANE_PX + 2, Math.max(1.5, ((end - start) / duration) * width), LANE_PX - 4);
    }
  }, [width, height, peaks, duration, segments, speakers]);
  return <canvas ref={canvas} style={{ height: `${height}px` }} aria-hidden="true" />;
}
