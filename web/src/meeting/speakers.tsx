import { useState } from "preact/hooks";
import { unwrap, type Speaker } from "@tandem/client";
import { api } from "../api/session.ts";
import { personName } from "../api/people.ts";
import type { LiveMeeting } from "../live/meeting.ts";
import { clock } from "../ui/format.ts";
import { Person, PersonPicker } from "../ui/people.tsx";
import { report } from "../ui/toasts.tsx";

export function speakerName(speaker: Speaker | undefined): string {
  if (!speaker) return "";
  return speaker.name || (speaker.user_id && personName(speaker.user_id)) || speaker.label;
}

/** Who speaks: names that the user can give, and suggestions by voice. */
export function Speakers({ live, speakers }: { live: LiveMeeting; speakers: Speaker[] }) {
  const [naming, setNaming] = useState("");
  if (!speakers.length) return null;

  async function name(speaker: Speaker, body: { user_id: string } | { name: string }) {
    setNaming("");
    const params = { path: { meeting_id: live.id, speaker_id: speaker.id } };
    try {
      live.keep({ speaker: await unwrap(api.POST("/api/v1/meetings/{meeting_id}/speakers/{speaker_id}/name", { params, body })) });
    } catch (cause) {
      report(cause);
    }
  }

  return (
    <section aria-label="Speakers">
      <h2>Speakers</h2>
      <ul class="people">
        {speakers.map((speaker, at) => (
          <li key={speaker.id}>
            <div class="row">
              <span class={`voice voice-${at % 6} grow`}>{speakerName(speaker)}</span>
              <span class="muted">{clock(Number(speaker.speech_ms))}</span>
              <button onClick={() => setNaming(naming === speaker.id ? "" : speaker.id)}>Name</button>
            </div>
            {speaker.suggestion && !speaker.user_id && (
              <p class="row note">
                Sounds like <Person id={speaker.suggestion.user_id} />.
                <button onClick={() => name(speaker, { user_id: speaker.suggestion!.user_id })}>Confirm</button>
              </p>
            )}
            {naming === speaker.id && (
              <div class="naming">
                <PersonPicker label="User" none="Choose a user" value={speaker.user_id} onPick={(user_id) => name(speaker, { user_id })} />
                <form class="row" onSubmit={(event) => { event.preventDefault(); void name(speaker, { name: String(new FormData(event.currentTarget).get("name")) }); }}>
                  <input name="name" aria-label="Another name" placeholder="Or another name" defaultValue={speaker.name} class="grow" />
                  <button>Save</button>
                </form>
              </div>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
