import { useEffect, useRef, useState } from "preact/hooks";
import { unwrap, type Component, type Document, type DrawingPage, type DrawingSymbol } from "@tandem/client";
import { fetchComponents, fetchSheets, fetchSymbols, loadProjects } from "../api/lists.ts";
import { api } from "../api/session.ts";
import { mayEdit } from "../api/roles.ts";
import { ComponentList } from "../drawing/component-list.tsx";
import { Sheet, type Box } from "../drawing/sheet.tsx";
import { Symbols } from "../drawing/symbols.tsx";
import { whenOpen } from "../live/feed.ts";
import { documents, projects } from "../live/store.ts";
import { query, setQuery } from "../router.ts";
import { label } from "../ui/format.ts";
import { Loaded, NotFound, useLoad } from "../ui/load.tsx";
import { report, say } from "../ui/toasts.tsx";

export function DocumentScreen({ id }: { id: string }) {
  const loading = useLoad(async () => {
    await whenOpen();
    const [document] = await Promise.all([unwrap(api.GET("/api/v1/documents/{document_id}", { params: { path: { document_id: id } } })), loadProjects()]);
    documents.put(document);
  }, [id]);
  const document = documents.get(id);
  return <Loaded of={loading}>{document ? <Drawing document={document} /> : <NotFound />}</Loaded>;
}

function Drawing({ document }: { document: Document }) {
  const [pages, setPages] = useState<DrawingPage[]>([]);
  const [number, setNumber] = useState(() => Number(query.value.get("sheet") ?? 0));
  const [components, setComponents] = useState<Component[]>([]);
  const [symbols, setSymbols] = useState<DrawingSymbol[]>([]);
  const [chosen, setChosen] = useState("");
  const [isPicking, setPicking] = useState(false);
  const [picked, setPicked] = useState<Box | null>(null);
  const project_id = document.project_id;

  const loading = useLoad(async () => setPages(await fetchSheets(document.id)), [document.id, document.status]);

  const shown = useRef(number);
  const asked = Number(query.value.get("sheet") ?? 0);
  useEffect(() => void (shown.current !== asked && show(asked)), [asked]);
  function show(sheet: number) {
    shown.current = sheet;
    setNumber(sheet);
    setComponents([]);
    setChosen("");
  }
  async function loadComponents() {
    const sheet = shown.current;
    const all = await fetchComponents(document, sheet);
    // The answer about another sheet may be late.
    if (shown.current === sheet) setComponents(all);
  }
  async function loadSymbols() {
    setSymbols(await fetchSymbols(project_id));
  }
  const finding = useLoad(() => Promise.all([loadComponents(), loadSymbols()]), [document.id, number, document.status]);

  async function decide(component: Component, state: "confirmed" | "rejected") {
    const decisions = [{ component_id: component.id, state, version: component.version }];
    try {
      const answer = await unwrap(api.POST("/api/v1/projects/{project_id}/components/decide", { params: { path: { project_id } }, body: { decisions } }));
      const changed = new Map(answer.components.map((one) => [one.id, one]));
      setComponents((now) => now.map((one) => changed.get(one.id) ?? one));
      const next = components.find((one) => one.state === "proposed" && one.id !== component.id);
      setChosen(next?.id ?? "");
    } catch (cause) {
      report(cause);
      await loadComponents().catch(report);
    }
  }

  const project = projects.get(project_id);
  const isEditor = !!project && mayEdit(project);
  const page = pages.find(({ page_number }) => page_number === number);
  return (
    <article class="drawing">
      <p class="muted crumbs"><a href={`/projects/${project_id}?tab=drawings`}>{project?.name ?? "Project"}</a></p>
      <header class="row">
        <h1>{document.title}</h1>
        {document.status !== "ready" && <span class={`tag ${document.status}`}>{label(document.status)} {document.status === "processing" && `${document.progress} %`}</span>}
        {pages.length > 1 && (
          <select aria-label="Sheet" class="auto" value={number} onChange={(event) => setQuery({ sheet: event.currentTarget.value })}>
            {pages.map((one) => <option key={one.id} value={one.page_number}>{one.sheet_number || one.page_number + 1} {one.sheet_title}</option>)}
          </select>
        )}
        {isEditor && page && (
          <button class="toggle" aria-pressed={isPicking} onClick={() => setPicking(!isPicking)}>{isPicking ? "Draw a box round one symbol" : "Pick a symbol"}</button>
        )}
      </header>
      {document.failure_reason && <p class="error" role="alert">{document.failure_reason}</p>}
      <Loaded of={loading}>
        {!page && <p class="empty">The sheets appear here once they are read.</p>}
        {page && (
          <div class="columns">
            <Sheet
              key={page.id}
              documentId={document.id}
              page={page}
              components={components}
              chosen={chosen}
              onChoose={setChosen}
              isPicking={isPicking}
              onPick={(box) => { setPicking(false); setPicked(box); }}
            />
            <aside aria-label="Found on this sheet">
              <Loaded of={finding}>
                <ComponentList components={components} chosen={chosen} onChoose={setChosen} mayDecide={isEditor} decide={decide} />
              </Loaded>
              <Symbols
                document={document}
                number={number}
                symbols={symbols}
                picked={picked}
                onDone={() => setPicked(null)}
                mayCount={isEditor}
                reload={async () => {
                  await Promise.all([loadSymbols(), loadComponents()]).catch(report);
                  say("The count is done.");
                }}
                keep={(symbol) => setSymbols((now) => [...now.filter(({ id }) => id !== symbol.id), symbol])}
              />
            </aside>
          </div>
        )}
      </Loaded>
    </article>
  );
}
