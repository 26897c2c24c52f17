import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { upload } from "../api/uploads.ts";
import { personName } from "../api/people.ts";
import { navigate } from "../router.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Form } from "../ui/form.tsx";
import { PersonPicker } from "../ui/people.tsx";

/** A place to drop a recording on, or to choose one. */
export function DropZone({ project, children }: { project: string; children: ComponentChildren }) {
  const [file, setFile] = useState<File | null>(null);
  const [isOver, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <div
        class={`drop-zone${isOver ? " over" : ""}`}
        onDragOver={(event) => { event.preventDefault(); setOver(true); }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => { event.preventDefault(); setOver(false); setFile(event.dataTransfer?.files[0] ?? null); }}
      >
        <span class="grow">Drop a recording here to get its transcript, a summary and tasks.</span>
        <button onClick={() => input.current!.click()}>Choose a file</button>
        {children}
        <input
          ref={input}
          type="file"
          hidden
          aria-label="Recording"
          accept="audio/*,video/*"
          onChange={(event) => { setFile(event.currentTarget.files![0] ?? null); event.currentTarget.value = ""; }}
        />
      </div>
      {file && <UploadDialog file={file} project={project} onClose={() => setFile(null)} />}
    </>
  );
}

function UploadDialog({ file, project, onClose }: { file: File; project: string; onClose: () => void }) {
  const [participants, setParticipants] = useState<string[]>([]);
  const [share, setShare] = useState<number | null>(null);

  async function send({ title, language }: Record<string, string>) {
    setShare(0);
    try {
      const metadata = { title: title!, language: language!.trim(), participants, project_id: project };
      const { meetingId } = await upload(file, metadata, setShare);
      navigate(`/meetings/${meetingId}`);
    } catch (cause) {
      setShare(null);
      throw cause;
    }
  }

  return (
    <Dialog title="Upload a recording" onClose={onClose}>
      <Form submit="Upload" fields={["title", "language"]} action={send}>
        {(problem) => (
          <>
            <p class="muted">{file.name}</p>
            <Field label="Title" name="title" defaultValue={file.name.replace(/\.[^.]+$/, "")} autofocus problem={problem} />
            <PersonPicker
              key={participants.length}
              label="Participants"
              none="Add a participant"
              value=""
              onPick={(id) => id && setParticipants([...new Set([...participants, id])])}
            />
            {participants.length > 0 && (
              <p class="row">
                {participants.map((id) => (
                  <button key={id} type="button" class="tag" aria-label={`Remove ${personName(id)}`} onClick={() => setParticipants(participants.filter((one) => one !== id))}>
                    {personName(id)} ×
                  </button>
                ))}
              </p>
            )}
            <Field label="Language" name="language" hint="As en; empty = it is recognized" maxLength={10} problem={problem} />
            {share !== null && <progress max={1} value={share} aria-label="Upload" />}
          </>
        )}
      </Form>
    </Dialog>
  );
}
