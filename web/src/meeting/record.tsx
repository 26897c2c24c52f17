import { useEffect, useState } from "preact/hooks";
import { mayRecord, recording, startRecording, stopRecording } from "../live/recorder.ts";
import { navigate } from "../router.ts";
import { clock, time } from "../ui/format.ts";
import { report, say } from "../ui/toasts.tsx";

export function RecordButton({ project }: { project: string }) {
  if (!mayRecord()) return null;
  if (recording.value) return null;
  async function start() {
    try {
      navigate(`/meetings/${await startRecording(`Recording of ${time(new Date().toISOString())}`, project)}`);
    } catch (cause) {
      if (cause instanceof DOMException) say("The browser allows no microphone for this page.", "problem");
      else report(cause);
    }
  }
  return <button class="primary" onClick={start}>Record</button>;
}

/** The recording that runs, on every page. */
export function RecordingBar() {
  const [, tick] = useState(0);
  const current = recording.value;
  useEffect(() => {
    if (!current) return;
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [current?.meetingId]);
  if (!current) return null;
  return (
    <div class="recording-bar" role="status">
      <span class="dot" aria-hidden="true" />
      <a href={`/meetings/${current.meetingId}`}>Recording {clock(Date.now() - current.since)}</a>
      {current.problem && <span>{current.problem}</span>}
      <button onClick={stopRecording}>Stop</button>
    </div>
  );
}
