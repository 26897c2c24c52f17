import { useRef, useState } from "preact/hooks";
import type { Document, Project } from "@tandem/client";
import { loadDocuments, withTicket } from "../api/lists.ts";
import { mayEdit } from "../api/roles.ts";
import { upload } from "../api/uploads.ts";
import { documents } from "../live/store.ts";
import { label, size } from "../ui/format.ts";
import { Loaded, useLoad } from "../ui/load.tsx";
import { report, say } from "../ui/toasts.tsx";

/** The drawings of a project, and its bill of materials. */
export function DocumentsOf({ project }: { project: Project }) {
  const loading = useLoad(() => loadDocuments(project.id), [project.id]);
  const [share, setShare] = useState<number | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const rows = documents.where((document) => document.project_id === project.id).sort((a, b) => a.title.localeCompare(b.title));

  async function send(file: File) {
    setShare(0);
    try {
      const { documentId } = await upload(file, { purpose: "document", project_id: project.id, title: file.name.replace(/\.pdf$/i, "") }, setShare);
      if (documents.get(documentId)) say("The project has this file already.");
      await loadDocuments(project.id);
    } catch (cause) {
      report(cause);
    }
    setShare(null);
  }

  async function bill() {
    try {
      const link = document.createElement("a");
      link.href = await withTicket(`/api/v1/projects/${project.id}/bill-of-materials.xlsx`);
      link.download = "";
      link.click();
    } catch (cause) {
      report(cause);
    }
  }

  return (
    <>
      <p class="row">
        {mayEdit(project) && <button class="primary" onClick={() => input.current!.click()}>Upload a drawing</button>}
        <button onClick={bill}>Bill of materials</button>
        {share !== null && <progress max={1} value={share} aria-label="Upload" />}
        <input ref={input} type="file" hidden aria-label="Drawing" accept="application/pdf" onChange={(event) => event.currentTarget.files![0] && send(event.currentTarget.files![0])} />
      </p>
      <Loaded of={loading}>
        {rows.map((document) => <Row key={document.id} document={document} />)}
        {!rows.length && <p class="empty">There are no drawings yet. A drawing is a PDF; its components are found and counted.</p>}
      </Loaded>
    </>
  );
}

function Row({ document }: { document: Document }) {
  const isReady = document.status === "ready";
  return (
    <div class="task-row">
      <a class="title" href={`/documents/${document.id}`}>{document.title}</a>
      <span class="facts">
        {!isReady && <span class={`tag ${document.status}`}>{label(document.status)}{document.status === "processing" && ` ${document.progress} %`}</span>}
        {document.revision && <span class="tag">Revision {document.revision}</span>}
        <span class="muted">{document.page_count} pages, {size(Number(document.size))}</span>
      </span>
    </div>
  );
}
