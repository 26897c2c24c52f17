import type { ComponentChildren, JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { Problem, problemOf } from "@tandem/client";

interface FieldProps {
  label: string;
  name: string;
  problem?: Problem | null;
  hint?: string;
  multiline?: boolean;
}

type InputProps = Omit<JSX.IntrinsicElements["input"], "name" | "label"> & FieldProps;

/** A labelled input with the sentences of the server about it. */
export function Field({ label, name, problem, hint, multiline, ...input }: InputProps) {
  const id = useId();
  const error = problem?.of(name) ?? "";
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
  const common = { id, name, "aria-invalid": error ? true : undefined, "aria-describedby": described };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {multiline
        ? <textarea rows={4} {...(common as object)} {...(input as JSX.IntrinsicElements["textarea"])} />
        : <input {...(common as object)} {...input} />}
      {hint && <small id={`${id}-hint`}>{hint}</small>}
      {error && <small id={`${id}-error`} class="error" role="alert">{error}</small>}
    </div>
  );
}

interface FormProps {
  action: (values: Record<string, string>) => Promise<unknown>;
  submit: string;
  /** Names of the fields that show their own errors; the other sentences are shown above the button. */
  fields: string[];
  children: (problem: Problem | null) => ComponentChildren;
  more?: ComponentChildren;
}

export function Form({ action, submit, fields, children, more }: FormProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function send(event: JSX.TargetedSubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    setBusy(true);
    setProblem(null);
    try {
      await action(values);
    } catch (cause) {
      const found = problemOf(cause);
      setProblem(found);
      const first = found.errors.find((error) => fields.includes(error.field));
      if (first) form.querySelector<HTMLElement>(`[name="${first.field}"]`)?.focus();
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={send} noValidate>
      {children(problem)}
      <Remaining problem={problem} fields={fields} />
      <div class="row actions">
        {more}
        <button class="primary" disabled={isBusy}>{isBusy ? "Please wait …" : submit}</button>
      </div>
    </form>
  );
}

function Remaining({ problem, fields }: { problem: Problem | null; fields: string[] }) {
  if (!problem) return null;
  const others = problem.errors.filter((error) => !fields.includes(error.field));
  const sentences = problem.errors.length ? others.map((error) => error.detail) : [problem.message];
  return sentences.length ? <p class="error" role="alert">{sentences.join(" ")}</p> : null;
}
