import { signal } from "@preact/signals";
import { problemOf } from "@tandem/client";

interface Toast {
  id: number;
  text: string;
  kind: "note" | "problem";
}

const toasts = signal<Toast[]>([]);
const SHOWN_MS = 8000;
let count = 0;

export function say(text: string, kind: Toast["kind"] = "note"): void {
  const toast = { id: ++count, text, kind };
  toasts.value = [...toasts.value.slice(-2), toast];
  setTimeout(() => dismiss(toast.id), SHOWN_MS);
}

/** Report a failure that belongs to no field. */
export function report(cause: unknown): void {
  const problem = problemOf(cause);
  say(problem.errors.length === 1 ? problem.errors[0]!.detail : problem.message, "problem");
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast ${toast.kind}`}>
          <span>{toast.text}</span>
          <button class="plain" aria-label="Dismiss" onClick={() => dismiss(toast.id)}>×</button>
        </div>
      ))}
    </div>
  );
}
