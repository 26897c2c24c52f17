import { unwrap, type Document, type DrawingSymbol } from "@tandem/client";
import { api } from "../api/session.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Form } from "../ui/form.tsx";
import { report } from "../ui/toasts.tsx";
import type { Box } from "./sheet.tsx";

interface Props {
  document: Document;
  number: number;
  symbols: DrawingSymbol[];
  /** The box that was drawn round a symbol. */
  picked: Box | null;
  onDone: () => void;
  mayCount: boolean;
  reload: () => Promise<void>;
  keep: (symbol: DrawingSymbol) => void;
}

const AGAIN_MS = 700;

/** Symbols of the project: picked on a sheet, then counted on all its drawings. */
export function Symbols({ document, number, symbols, picked, onDone, mayCount, reload, keep }: Props) {
  async function count(symbol: DrawingSymbol) {
    const params = { path: { symbol_id: symbol.id } };
    let now = await unwrap(api.POST("/api/v1/symbols/{symbol_id}/count", { params, body: {} }));
    keep(now);
    while (now.count?.status === "queued" || now.count?.status === "counting") {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      now = await unwrap(api.GET("/api/v1/symbols/{symbol_id}", { params }));
      keep(now);
    }
    await reload();
  }

  async function create({ name }: Record<string, string>) {
    const body = { name: name!, document_id: document.id, page_number: number, bbox: picked!, may_rotate: true };
    const symbol = await unwrap(api.POST("/api/v1/projects/{project_id}/symbols", { params: { path: { project_id: document.project_id } }, body }));
    keep(symbol);
    onDone();
    void count(symbol).catch(report);
  }

  return (
    <section aria-label="Symbols">
      <h2>Symbols of the project</h2>
      <ul class="people">
        {symbols.map((symbol) => (
          <li key={symbol.id} class="row">
            <span class="grow">{symbol.name}</span>
            <span class="muted">{result(symbol)}</span>
            {mayCount && <button onClick={() => count(symbol).catch(report)}>Count</button>}
          </li>
        ))}
      </ul>
      {!symbols.length && <p class="muted">Pick a symbol on the sheet to count it on all drawings.</p>}
      {picked && (
        <Dialog title="Count a symbol" onClose={onDone}>
          <Form submit="Count" fields={["name"]} action={create}>
            {(problem) => <Field label="Name of the symbol" name="name" autofocus problem={problem} />}
          </Form>
        </Dialog>
      )}
    </section>
  );
}

function result({ count }: DrawingSymbol): string {
  if (!count) return "";
  if (count.failure_reason) return count.failure_reason;
  if (count.status === "queued" || count.status === "counting") return `${count.progress} %`;
  return `${count.complete ? "" : "at least "}${count.match_count} found, ${count.withheld_count} to look at`;
}
